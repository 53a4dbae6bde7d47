import { z } from 'zod';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { failure, listOf, successOf } from '../envelope.ts';
import { ERROR_STATUS } from '../errors.ts';
import { errorCodesOf } from '../openapi.ts';

/** Fails unless an answer is what its endpoint, and so the OpenAPI document, says. */
export function assertConforms(
  endpoints: readonly Endpoint[],
  request: { method: string; path: string },
  answer: { status: number; headers: Headers; body: unknown },
): void {
  const endpoint = endpoints.find((candidate) => matches(candidate, request));
  if (answer.status >= 400) {
    const { error } = check(failure, answer.body, request);
    if (ERROR_STATUS[error.code] !== answer.status) {
      throw new Error(`${error.code} was answered with ${answer.status}`);
    }
    if (endpoint !== undefined && !errorCodesOf(endpoint).has(error.code)) {
      throw new Error(`${endpoint.operationId} does not document ${error.code}`);
    }
    return;
  }
  if (endpoint === undefined)
    throw new Error(`no endpoint is described at ${request.method} ${request.path}`);
  if (answer.status !== endpoint.status) throw new Error(`${endpoint.operationId} answered ${answer.status}`);
  if (endpoint.answers === 'stream') {
    const [contentType = ''] = (answer.headers.get('content-type') ?? '').split(';', 1);
    if (!endpoint.contentTypes.includes(contentType)) {
      throw new Error(`${endpoint.operationId} does not document ${contentType}`);
    }
    return;
  }
  const data = endpoint.data as z.ZodType;
  check(endpoint.answers === 'list' ? listOf(data) : successOf(data), answer.body, request);
}

function matches(endpoint: Endpoint, request: { method: string; path: string }): boolean {
  const [pathname = ''] = request.path.split('?', 1);
  const pattern = new RegExp(`^${endpoint.path.replace(/:\w+/g, '[^/]+')}/?$`);
  return endpoint.method === request.method.toLowerCase() && pattern.test(pathname);
}

function check<T>(
  schema: z.ZodType<T>,
  body: unknown,
  { method, path }: { method: string; path: string },
): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new Error(
    `${method} ${path} answered ${JSON.stringify(body)}, which is not as described:\n${z.prettifyError(result.error)}`,
  );
}
