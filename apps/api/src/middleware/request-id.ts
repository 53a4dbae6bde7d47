import { uuidv7 } from 'uuidv7';
import type { Middleware } from '../locals.ts';

/** What nginx makes (32 hexadecimal digits), a UUID and the like; nothing that could forge a log line. */
const SANE = /^[A-Za-z0-9_-]{8,64}$/;

/** Every request has an id: nginx's, so that one search finds both log lines, or a new one. */
export const requestId: Middleware = (request, response, next) => {
  const given = request.get('x-request-id');
  response.locals.requestId = given !== undefined && SANE.test(given) ? given : uuidv7();
  response.set('X-Request-Id', response.locals.requestId);
  next();
};
