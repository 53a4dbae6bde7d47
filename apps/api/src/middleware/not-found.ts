import { ApiError } from '../errors.ts';
import type { Middleware } from '../locals.ts';

export const routeNotFound: Middleware = (_request, _response, next) => {
  next(new ApiError('NOT_FOUND', 'There is no such route.'));
};
