import { isIP } from 'node:net';
import { recordAudit } from '@sv-sdk/audit';
import type { Identification, Principal } from '@sv-sdk/auth';
import type { Express, Request } from 'express';
import type { ApiResponse } from '../locals.ts';
import { actUnderVerdict } from '../rate-limits/rate-limits.ts';
import type { Services } from '../services.ts';
import { type Answer, answerOf, sendAnswer } from './answer.ts';
import { identify, requireAccess } from './authenticate.ts';
import { checkOrigin } from './check-origin.ts';
import type { Audit, Context, Endpoint } from './endpoint.ts';
import { idempotencyKeyOf } from './idempotency.ts';
import { type Input, readInput } from './parse.ts';
import { type Attempt, isRefusal, recordRefusal } from './refusals.ts';
import { sendStream } from './stream.ts';

/** One request to one endpoint. */
interface Exchange {
  readonly endpoint: Endpoint;
  readonly services: Services;
  readonly request: Request;
  readonly response: ApiResponse;
  readonly attempt: Attempt;
}

/** Makes routes of endpoints; what an endpoint throws, the app's error handler answers. */
export function mountEndpoints(app: Express, endpoints: readonly Endpoint[], services: Services): void {
  for (const endpoint of endpoints) {
    app[endpoint.method](endpoint.path, (request: Request, response: ApiResponse) => {
      response.locals.route = endpoint.path;
      const { id } = request.params;
      const attempt: Attempt = {
        operationId: endpoint.operationId,
        ipAddress: clientAddress(request),
        id: typeof id === 'string' ? id : undefined,
        caller: undefined,
      };
      return serve({ endpoint, services, request, response, attempt });
    });
  }
}

/** No refusal is answered without its record: if that can't be written, the database's failure is the answer. */
async function serve(exchange: Exchange): Promise<void> {
  const { services, attempt } = exchange;
  try {
    await attend(exchange);
  } catch (error) {
    if (isRefusal(error)) {
      await services.db.withTx((tx) => recordRefusal(tx, attempt, error), { separate: true });
    }
    throw error;
  }
}

/** The order of every request: (request id →) limit → authenticate → count → parse → load → authorise → act → respond. */
async function attend(exchange: Exchange): Promise<void> {
  const { endpoint, services, request, response, attempt } = exchange;
  const { headers } = request;
  const count = services.rateLimits.admit({ headers, ipAddress: attempt.ipAddress }, response, endpoint);
  const caller = await identify(services.auth, endpoint.access, headers).catch(async (error: unknown) => {
    await count();
    throw error;
  });
  attempt.caller = caller;
  if (caller.outcome === 'identified') response.locals.userId = caller.principal.userId;

  const verdict = count(caller.outcome === 'identified' ? caller.principal : undefined);
  const isPlainRead =
    endpoint.method === 'get' && endpoint.answers !== 'stream' && endpoint.limit === undefined;
  if (!isPlainRead) await verdict;
  const answer = await actUnderVerdict(verdict, () => act(exchange, caller));
  if (answer !== undefined) sendAnswer(answer, response, services.settings.version);
}

/** Parses, loads, authorises and acts. Undefined: the answer was a stream, and is out. */
async function act(exchange: Exchange, caller: Identification): Promise<Answer | undefined> {
  const { endpoint, services, request, response } = exchange;
  const principal = requireAccess(endpoint.access, caller);
  checkOrigin(request, caller.outcome === 'anonymous' ? undefined : caller.source, services.settings);

  const input = await readInput(endpoint, request, response, services.settings);
  const cookies: string[] = [];
  const context = contextOf(exchange, principal, input, cookies);
  if (endpoint.answers === 'stream') {
    await sendStream(await endpoint.handle(context), endpoint.status, response);
    return undefined;
  }
  return once(exchange, principal, () => answerOf(endpoint, context, cookies));
}

/** Acts, unless this is the repetition of a POST that was answered before. */
async function once(
  { endpoint, services, request, response, attempt }: Exchange,
  principal: Principal | undefined,
  act: () => Promise<Answer>,
): Promise<Answer> {
  const key = endpoint.method === 'post' ? idempotencyKeyOf(request.headers) : undefined;
  if (key === undefined) return act();
  const { answer, isReplayed } = await services.idempotency.answer(
    { principal, key, method: request.method, url: request.originalUrl, body: request.body },
    act,
    async (tx, error) => {
      if (isRefusal(error)) await recordRefusal(tx, attempt, error);
    },
  );
  if (isReplayed) response.set('Idempotency-Replayed', 'true');
  return answer;
}

function contextOf(
  { services, request, attempt: { ipAddress } }: Exchange,
  principal: Principal | undefined,
  input: Input,
  cookies: string[],
): Context<never, never, never, never> {
  const userId = principal?.userId;
  return {
    services,
    principal: principal as never,
    params: input.params as never,
    query: input.query as never,
    body: input.body as never,
    ipAddress,
    userAgent: request.get('user-agent'),
    withTx: (action) =>
      services.db.withTx(
        (tx) => {
          const audit: Audit = (eventType, metadata) =>
            recordAudit(tx, {
              eventType,
              userId: userId ?? null,
              ipAddress,
              ...(metadata !== undefined && { metadata }),
            });
          return action(tx, audit);
        },
        { ...(userId !== undefined && { principalId: userId }), repeatable: true },
      ),
    setCookie: (value) => cookies.push(value),
  };
}

/** nginx' word for the client's address, if it is one; else the peer's. IPv4 is written as IPv4. */
export function clientAddress(request: Request): string {
  const address = isIP(request.ip ?? '') === 0 ? request.socket.remoteAddress : request.ip;
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
