import type { Principal } from '@sv-sdk/auth';
import type { NextFunction, Request } from 'express';
import { identify, requireAccess } from '../endpoint/authenticate.ts';
import { checkOrigin } from '../endpoint/check-origin.ts';
import { clientAddress } from '../endpoint/mount.ts';
import { type Attempt, isRefusal, recordRefusal } from '../endpoint/refusals.ts';
import type { ApiResponse } from '../locals.ts';
import type { Services } from '../services.ts';

/** Of one request to an administrators' page: who it is, and what its refusal's audit row will say. */
interface Visit {
  readonly attempt: Attempt;
  readonly principal: Principal;
}

const visits = new WeakMap<Request, { attempt: Attempt; principal?: Principal }>();

/** Who this request comes from; only behind {@link requirePerson}. */
export function visitOf(request: Request): Visit {
  const visit = visits.get(request);
  if (visit?.principal === undefined) throw new Error('an administrators’ page has no guard in front of it');
  return { attempt: visit.attempt, principal: visit.principal };
}

/**
 * Lets in who is signed in, by the order of every request (counted, identified, origin checked). A browser that is
 * not signed in goes to `signInPath` when it asks for a page; whatever else asks is refused.
 */
export function requirePerson(
  services: Services,
  options: { operationId: string; route: string; signInPath: string },
) {
  return async (request: Request, response: ApiResponse, next: NextFunction): Promise<void> => {
    response.locals.route = options.route;
    const { operationId } = options;
    const attempt: Attempt = {
      operationId,
      ipAddress: clientAddress(request),
      id: undefined,
      caller: undefined,
    };
    visits.set(request, { attempt });
    const { headers } = request;
    const { ipAddress } = attempt;
    const count = services.rateLimits.admit({ headers, ipAddress }, response, { access: 'session' });
    const caller = await identify(services.auth, 'session', headers).catch(async (error: unknown) => {
      await count();
      throw error;
    });
    attempt.caller = caller;
    await count(caller.outcome === 'identified' ? caller.principal : undefined);
    if (caller.outcome !== 'identified' && asksForPage(request)) {
      response.redirect(303, options.signInPath);
      return;
    }
    const principal = requireAccess('session', caller);
    if (principal === undefined) throw new Error('access "session" let in nobody');
    response.locals.userId = principal.userId;
    checkOrigin(request, caller.outcome === 'anonymous' ? undefined : caller.source, services.settings);
    visits.set(request, { attempt, principal });
    next();
  };
}

function asksForPage(request: Request): boolean {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return isRead && request.accepts(['json', 'html']) === 'html';
}

/** The last handler of the guarded pages: no refusal is answered without its record. */
export function recordRefusals(services: Services) {
  return async (error: unknown, request: Request, _response: ApiResponse, next: NextFunction) => {
    const attempt = visits.get(request)?.attempt;
    if (attempt !== undefined && isRefusal(error)) {
      await services.db.withTx((tx) => recordRefusal(tx, attempt, error), { separate: true });
    }
    next(error);
  };
}
