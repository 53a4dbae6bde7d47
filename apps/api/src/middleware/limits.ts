import type { IncomingMessage } from 'node:http';
import { ApiError } from '../errors.ts';
import type { Middleware } from '../locals.ts';

/** nginx takes a request line of 8 KiB, method and version included. */
const MAX_URL_LENGTH = 8_192;
/** nginx takes a hundred, and adds some of its own. A browser sends some twenty. */
const MAX_HEADERS = 120;

/** Refuses what Node takes and we don't want to; the size of all headers is limited in server.ts. */
export const limits: Middleware = (request, _response, next) => {
  next(faultOf(request));
};

function faultOf(request: IncomingMessage): ApiError | undefined {
  if ((request.url ?? '').length > MAX_URL_LENGTH) {
    return new ApiError('VALIDATION_ERROR', `The address is longer than ${MAX_URL_LENGTH} characters.`);
  }
  if (request.rawHeaders.length / 2 > MAX_HEADERS) {
    return new ApiError('VALIDATION_ERROR', `There are more than ${MAX_HEADERS} headers.`);
  }
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    return new ApiError('VALIDATION_ERROR', 'Host: is missing', { field: 'Host' });
  }
  return undefined;
}
