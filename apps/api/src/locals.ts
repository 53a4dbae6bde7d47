import type { NextFunction, Request, Response } from 'express';

/** What travels with a request, in `response.locals`. */
export interface Locals extends Record<string, unknown> {
  requestId: string;
  /** The pattern of the route, never the URL: it labels metrics and stands in the log. */
  route?: string;
  userId?: string;
  /** What was thrown, for the one log line. */
  error?: unknown;
}

export type ApiResponse = Response<unknown, Locals>;
export type Middleware = (request: Request, response: ApiResponse, next: NextFunction) => void;
