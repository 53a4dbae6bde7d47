import { isIP } from 'node:net';
import { recordAudit } from '@sv-sdk/audit';
import type { Tx } from '@sv-sdk/db';
import type { Express, Request } from 'express';
import { metaOf } from '../envelope.ts';
import type { ApiResponse } from '../locals.ts';
import type { Services } from '../services.ts';
import { authenticate } from './authenticate.ts';
import { checkOrigin } from './check-origin.ts';
import type { Audit, Endpoint } from './endpoint.ts';
import { parse, readBody } from './parse.ts';

/** Makes routes of endpoints; what an endpoint throws, the app's error handler answers. */
export function mountEndpoints(app: Express, endpoints: readonly Endpoint[], services: Services): void {
  for (const endpoint of endpoints) {
    app[endpoint.method](endpoint.path, (request: Request, response: ApiResponse) =>
      serve(endpoint, services, request, response),
    );
  }
}

/** The order of every request: (request id →) authenticate → parse → load → authorise → act → respond. */
async function serve(
  endpoint: Endpoint,
  services: Services,
  request: Request,
  response: ApiResponse,
): Promise<void> {
  response.locals.route = endpoint.path;
  const { principal, source } = await authenticate(services.auth, endpoint.access, request);
  if (principal !== undefined) response.locals.userId = principal.userId;
  checkOrigin(request, source, services.settings);

  const params = endpoint.params && parse(endpoint.params, request.params);
  const query = endpoint.query && parse(endpoint.query, request.query);
  const body = endpoint.body && parse(endpoint.body, await readBody(request, response));

  const ipAddress = clientAddress(request);
  const context = {
    services,
    principal: principal as never,
    params: params as never,
    query: query as never,
    body: body as never,
    ipAddress,
    userAgent: request.get('user-agent'),
    withTx: <T>(action: (tx: Tx, audit: Audit) => Promise<T>) =>
      services.db.withTx(
        (tx) =>
          action(tx, (eventType, metadata) =>
            recordAudit(tx, {
              eventType,
              userId: principal?.userId ?? null,
              ipAddress,
              ...(metadata !== undefined && { metadata }),
            }),
          ),
        { ...(principal !== undefined && { principalId: principal.userId }) },
      ),
    setCookie: (value: string) => response.append('Set-Cookie', value),
  };
  const meta = () => metaOf({ requestId: response.locals.requestId, version: services.settings.version });
  if (endpoint.answers === 'list') {
    const { items, pagination } = await endpoint.handle(context);
    response.status(endpoint.status).json({ success: true, data: items, pagination, meta: meta() });
  } else {
    response
      .status(endpoint.status)
      .json({ success: true, data: await endpoint.handle(context), meta: meta() });
  }
}

/** nginx' word for the client's address, if it is one; else the peer's. IPv4 is written as IPv4. */
function clientAddress(request: Request): string {
  const address = isIP(request.ip ?? '') === 0 ? request.socket.remoteAddress : request.ip;
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
