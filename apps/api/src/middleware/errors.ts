import type { NextFunction, Request } from 'express';
import { errorEnvelope } from '../envelope.ts';
import { toApiError } from '../errors.ts';
import type { ApiResponse } from '../locals.ts';

/** The last handler: whatever was thrown leaves in the envelope, and without its stack. */
export function answerErrors({ version }: { version: string }) {
  return (error: unknown, _request: Request, response: ApiResponse, next: NextFunction): void => {
    response.locals.error = error;
    if (response.headersSent) {
      next(error); // Half an answer is out: Express cuts the connection, which is all that can be done.
      return;
    }
    const apiError = toApiError(error);
    // HTTP wants it beside a 401; browsers open no window for this scheme.
    if (apiError.status === 401) response.set('WWW-Authenticate', 'Bearer');
    // As nginx says with a 503 of its own.
    const retryAfterSeconds = apiError.retryAfterSeconds ?? (apiError.status === 503 ? 1 : undefined);
    if (retryAfterSeconds !== undefined) response.set('Retry-After', String(retryAfterSeconds));
    const { requestId } = response.locals;
    response.status(apiError.status).json(errorEnvelope(apiError, { requestId, version }));
  };
}
