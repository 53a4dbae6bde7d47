import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../errors.ts';
import type { Middleware } from '../locals.ts';
import type { Overload } from '../overload/overload.ts';

/**
 * A refusal that is faster than any answer would draw nginx' least_conn to the very instance that can't serve. As long as
 * an answer takes under load, it doesn't; a socket and a timer are all that it costs.
 */
const PAUSE_MS = 100;

/** Answers 503 in place of beginning what would only make everybody wait. Nothing is done, so it may be sent again. */
export function shedLoad(overload: Overload): Middleware {
  return async (_request, _response, next) => {
    if (overload.shed() === undefined) {
      next();
      return;
    }
    await delay(PAUSE_MS);
    next(new ApiError('SERVICE_UNAVAILABLE', 'Too much is asked of the service at the moment. Try again.'));
  };
}
