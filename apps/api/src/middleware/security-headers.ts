import type { Middleware } from '../locals.ts';

/** Few, and each with a use for an API that answers JSON; the page of the documentation sets its own CSP. */
export function securityHeaders(options: { baseUrl: string }): Middleware {
  const headers: Record<string, string> = {
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Referrer-Policy': 'no-referrer',
    // Answers depend on who asks; no cache between may keep one.
    'Cache-Control': 'no-store',
    ...(new URL(options.baseUrl).protocol === 'https:' && {
      'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
    }),
  };
  return (_request, response, next) => {
    response.set(headers);
    next();
  };
}
