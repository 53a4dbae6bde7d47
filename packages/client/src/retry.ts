import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionFailure, retryAfterSecondsOf } from './failures.ts';

export type Fetch = (request: Request) => Promise<Response>;

export interface RetryOptions {
  /** Of each attempt: until its answer is there; of a streamed one, until its headers are. */
  readonly timeoutSeconds: number;
  /** Beyond the first attempt. */
  readonly maxRetries: number;
  /** A longer Retry-After is not waited for: the failure goes to the caller, who can decide better. */
  readonly maxWaitSeconds: number;
  /** The body is handed on as it arrives; else it is read first, and a break in it counts as a broken connection. */
  readonly isStreamed: boolean;
}

/** Before the second attempt, doubled for each further one; half of it is chance, so that clients don't come together. */
const FIRST_WAIT_SECONDS = 0.2;

/** The API is overloaded or restarting (503), or asks to wait (429); other failures would only fail again. */
const RETRYABLE = new Set([429, 503]);

/**
 * A fetch that tries again where a repetition does no harm: a GET, and a POST with an Idempotency-Key, which the API
 * answers with its first answer. What becomes of a PATCH or DELETE after a broken connection the caller has to see.
 */
export function withRetries(fetch: Fetch, options: RetryOptions): Fetch {
  return async (request) => {
    const { method } = request;
    const isRepeatable = method === 'GET' || (method === 'POST' && request.headers.has('idempotency-key'));
    for (let retries = 0; ; retries += 1) {
      const isLast = !isRepeatable || retries >= options.maxRetries;
      const outcome = await attempt(fetch, isLast ? request : request.clone(), options);
      const waitSeconds = waitSecondsAfter(outcome, retries);
      if (isLast || waitSeconds === undefined || waitSeconds > options.maxWaitSeconds) {
        if (outcome instanceof Response) return outcome;
        throw outcome;
      }
      if (outcome instanceof Response) await outcome.body?.cancel();
      await delay(waitSeconds * 1000, undefined, { signal: request.signal });
    }
  };
}

async function attempt(
  fetch: Fetch,
  request: Request,
  { timeoutSeconds, isStreamed }: RetryOptions,
): Promise<Response | ConnectionFailure> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`no answer within ${timeoutSeconds} s`)),
    timeoutSeconds * 1000,
  );
  try {
    const signal = AbortSignal.any([request.signal, timeout.signal]);
    const response = await fetch(new Request(request, { signal }));
    return isStreamed || response.body === null ? response : new Response(await response.text(), response);
  } catch (cause) {
    // The caller's own abort is the caller's to see.
    request.signal.throwIfAborted();
    const reason = timeout.signal.aborted ? timeout.signal.reason : cause;
    return new ConnectionFailure(`${request.method} ${new URL(request.url).pathname}: ${textOf(reason)}`, {
      cause: reason,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** fetch itself says only "fetch failed". */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** Undefined: this outcome is final. */
function waitSecondsAfter(outcome: Response | ConnectionFailure, retries: number): number | undefined {
  if (outcome instanceof Response && !RETRYABLE.has(outcome.status)) return undefined;
  const asked = outcome instanceof Response ? retryAfterSecondsOf(outcome) : undefined;
  return asked ?? FIRST_WAIT_SECONDS * 2 ** retries * (0.5 + Math.random() / 2);
}
