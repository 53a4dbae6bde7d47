import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponsesObject } from 'zod-openapi';
import type { Endpoint } from './endpoint/endpoint.ts';
import { failure, listOf, successOf } from './envelope.ts';
import { ERROR_STATUS, type ErrorCode } from './errors.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** OpenAPI 3.1 from the schemas that requests are parsed with. */
export function createOpenApiDocument(
  endpoints: readonly Endpoint[],
  options: { version: string; cookieName: string },
): OpenApiDocument {
  const paths: Record<string, Partial<Record<Endpoint['method'], ZodOpenApiOperationObject>>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [endpoint.method]: operationOf(endpoint) };
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'SV-SDK platform',
      version: options.version,
      description:
        'Errors have a code; docs/errors/ has a page for each. Permissions are `action:scope:resource`. A resource that you may not read looks as if it did not exist.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: options.cookieName,
          description: 'Set by login; changes need an Origin of ours.',
        },
        bearer: { type: 'http', scheme: 'bearer', description: 'The token that login answers with.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  });
}

function operationOf(endpoint: Endpoint): ZodOpenApiOperationObject {
  const data = endpoint.data as z.ZodType;
  return {
    operationId: endpoint.operationId,
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: securityOf(endpoint),
    requestParams: {
      ...(endpoint.params !== undefined && { path: endpoint.params as unknown as z.ZodObject }),
      ...(endpoint.query !== undefined && { query: endpoint.query as unknown as z.ZodObject }),
    },
    ...(endpoint.body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: endpoint.body as z.ZodType } },
      },
    }),
    responses: {
      [endpoint.status]: {
        description: 'Done.',
        headers: z.object({ 'X-Request-Id': z.string() }),
        content: {
          'application/json': { schema: endpoint.answers === 'list' ? listOf(data) : successOf(data) },
        },
      },
      ...errorResponses(endpoint),
    },
  };
}

function securityOf(endpoint: Endpoint): Record<string, never[]>[] {
  if (endpoint.access === 'public') return [];
  const bySession = [{ session: [] }, { bearer: [] }];
  return endpoint.access === 'session' ? bySession : [...bySession, { apiKey: [] }];
}

/** The codes that an endpoint can answer with, those that follow from its definition included. */
export function errorCodesOf(endpoint: Endpoint): Set<ErrorCode> {
  const hasInput =
    endpoint.params !== undefined || endpoint.query !== undefined || endpoint.body !== undefined;
  return new Set<ErrorCode>([
    ...(hasInput ? (['VALIDATION_ERROR'] as const) : []),
    ...(endpoint.access === 'public' ? [] : (['AUTHENTICATION_ERROR', 'SESSION_ERROR'] as const)),
    ...(endpoint.access === 'public' && endpoint.method === 'get' ? [] : (['PERMISSION_DENIED'] as const)),
    ...(endpoint.errors ?? []),
    'DATABASE_ERROR',
    'INTERNAL_ERROR',
    'SERVICE_UNAVAILABLE',
    'TIMEOUT_ERROR',
  ]);
}

function errorResponses(endpoint: Endpoint): ZodOpenApiResponsesObject {
  const byStatus = Object.groupBy(errorCodesOf(endpoint), (code) => ERROR_STATUS[code]);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes]) => [
      status,
      { description: codes.join(' or '), content: { 'application/json': { schema: failure } } },
    ]),
  );
}
