import { recordAudit } from '@sv-sdk/audit';
import { allows } from '@sv-sdk/permissions';
import express, { type Express, type NextFunction, type Request, Router } from 'express';
import { requirePermission, requireReadable } from '../authorise.ts';
import { ApiError, notFound } from '../errors.ts';
import type { ApiResponse } from '../locals.ts';
import type { Services } from '../services.ts';
import { mountAccess } from './access.ts';
import { BOARD_CHANGES, type BoardChange, describeChange } from './changes.ts';
import { recordRefusals, requirePerson, visitOf } from './guard.ts';
import { BOARD_PATH } from './queue-board.ts';
import { mountSignInPage, SIGN_IN_PATH } from './sign-in-page.ts';

/** Bull Board sets style attributes and has its icons as data: URLs; the fonts that it would fetch are not let in. */
const BOARD_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The names of the files hold a hash of what is in them. */
const ASSET_CACHE = 'private, max-age=86400';

const readJson = express.json({ limit: '10kb', inflate: false });

/** Pages for administrators: the queue's board, the page to sign in on, and who may see those that are others'. */
export function mountAdmin(app: Express, services: Services): void {
  mountSignInPage(app);
  mountAccess(app, services);
  app.get('/admin', (_request: Request, response: ApiResponse) => {
    response.locals.route = '/admin';
    response.redirect(303, BOARD_PATH);
  });
  app.use(BOARD_PATH, boardRouter(services));
}

/** Bull Board's page shows people the field `message` of an error; in our envelope it stands one level deeper. */
function tellBoard(_request: Request, response: ApiResponse, next: NextFunction): void {
  const send = response.json.bind(response);
  response.json = (body) => send(isFailure(body) ? { ...body, message: body.error.message } : body);
  next();
}

function isFailure(body: unknown): body is { success: false; error: { message: string } } {
  return typeof body === 'object' && body !== null && Reflect.get(body, 'success') === false;
}

function boardRouter(services: Services): Router {
  const { queueBoard } = services;
  const router = Router();
  router.use('/api', tellBoard);
  router.use(
    requirePerson(services, { operationId: 'queueBoard', route: BOARD_PATH, signInPath: SIGN_IN_PATH }),
  );
  router.use((request: Request, response: ApiResponse, next: NextFunction) => {
    requireReadable(visitOf(request).principal, 'queue', null);
    response.set('Content-Security-Policy', BOARD_CSP);
    if (request.path.startsWith('/static/')) response.set('Cache-Control', ASSET_CACHE);
    next();
  });
  for (const change of BOARD_CHANGES) {
    router.put(change.path, requireChange, readJson, connect, record(change), show);
  }
  router.use((request: Request, _response: ApiResponse, next: NextFunction) => {
    if (request.method === 'GET' || request.method === 'HEAD') return next();
    assertMayChange(request);
    throw new ApiError('PERMISSION_DENIED', 'The board is not for this: see docs/operations/email.md.');
  });
  router.use('/api', connect);
  router.use(show);
  // What the board doesn't know would else be asked of the routes behind it.
  router.use(() => {
    throw notFound();
  });
  router.use(recordRefusals(services));
  return router;

  function assertMayChange(request: Request): void {
    requirePermission(visitOf(request).principal, 'update:any:queue');
    if (queueBoard.isReadOnly) {
      throw new ApiError('PERMISSION_DENIED', 'The board is read-only: QUEUE_BOARD_READ_ONLY says so.');
    }
  }

  function requireChange(request: Request, _response: ApiResponse, next: NextFunction): void {
    assertMayChange(request);
    next();
  }

  async function connect(_request: Request, _response: ApiResponse, next: NextFunction): Promise<void> {
    await (await queueBoard.open()).untilConnected();
    next();
  }

  /** Written before the change: Redis and Postgres share no transaction, and no change may be without its row. */
  function record(change: BoardChange) {
    return async (request: Request, _response: ApiResponse, next: NextFunction): Promise<void> => {
      const { attempt, principal } = visitOf(request);
      await services.db.withTx((tx) =>
        recordAudit(tx, {
          eventType: change.eventType,
          userId: principal.userId,
          ipAddress: attempt.ipAddress,
          metadata: { ...describeChange(change, request), by: 'queue board' },
        }),
      );
      next();
    };
  }

  async function show(request: Request, response: ApiResponse, next: NextFunction): Promise<void> {
    const board = await queueBoard.open();
    const { permissions } = visitOf(request).principal;
    const mayChange = !queueBoard.isReadOnly && allows(permissions, 'update:any:queue');
    (mayChange ? board.writable : board.readOnly)(request, response, next);
  }
}
