import type { Middleware } from '../locals.ts';

const PREFLIGHT_SECONDS = '600';
const ALLOWED = 'Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id';
const EXPOSED = 'Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id';

/** Lets browsers call us from the listed origins, with cookies; no list, no CORS. */
export function cors(origins: readonly string[]): Middleware {
  const allowed = new Set(origins);
  return (request, response, next) => {
    const origin = request.get('origin');
    if (allowed.size > 0) response.vary('Origin');
    if (origin !== undefined && allowed.has(origin)) {
      response.set({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': EXPOSED,
      });
      if (request.method === 'OPTIONS') {
        response.set({
          'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
          'Access-Control-Allow-Headers': ALLOWED,
          'Access-Control-Max-Age': PREFLIGHT_SECONDS,
        });
      }
    }
    // Express would answer OPTIONS in plain text.
    if (request.method === 'OPTIONS') response.status(204).end();
    else next();
  };
}
