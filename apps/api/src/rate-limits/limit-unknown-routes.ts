import { clientAddress } from '../endpoint/mount.ts';
import type { Middleware } from '../locals.ts';
import type { RateLimits } from './rate-limits.ts';

/** For what no route has taken: who tries paths one after another is counted by address, too. */
export function limitUnknownRoutes(rateLimits: RateLimits): Middleware {
  return async (request, response, next) => {
    const { headers } = request;
    const count = rateLimits.admit({ headers, ipAddress: clientAddress(request) }, response, {
      access: 'public',
    });
    await count();
    next();
  };
}
