import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import type { Endpoint } from './endpoint/endpoint.ts';
import { IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_PATTERN } from './endpoint/idempotency.ts';
import { failure, listOf, successOf } from './envelope.ts';
import { ERROR_STATUS, type ErrorCode } from './errors.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

const TAGS: Readonly<Record<string, string>> = {
  auth: 'Signing up and in, sessions, API keys.',
  users: 'Who there is.',
  roles: 'Permissions under a name, and who holds them.',
  permissions: 'What somebody may do.',
  emails: 'Sending, and what became of it.',
  templates: 'What emails are made of.',
  suppressions: 'Addresses that nothing is sent to.',
  preferences: "What one's own address is sent.",
  audit: 'What was done and what was refused.',
};

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
    tags: Object.entries(TAGS)
      .filter(([name]) => endpoints.some(({ tag }) => tag === name))
      .map(([name, description]) => ({ name, description })),
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

const idempotencyHeader = z.object({
  [IDEMPOTENCY_KEY]: z.string().regex(IDEMPOTENCY_KEY_PATTERN).optional().meta({
    description:
      'Makes the request safe to repeat: the first answer is kept for 24 hours and repeated. The same key with another request is a 409.',
  }),
});

const answerHeaders = z.object({
  'X-Request-Id': z.string(),
  'RateLimit-Policy': z.string().meta({
    description:
      'The limit that the request counted for: `"principal";q=600;w=60` is 600 requests in 60 seconds.',
  }),
  RateLimit: z.string().meta({
    description: 'What is left of it: `"principal";r=599;t=60` is 599 requests for the next 60 seconds.',
  }),
});
const replayableHeaders = answerHeaders.extend({
  'Idempotency-Replayed': z
    .literal('true')
    .optional()
    .meta({ description: 'The answer is the one that this Idempotency-Key got before.' }),
});

function operationOf(endpoint: Endpoint): ZodOpenApiOperationObject {
  return {
    operationId: endpoint.operationId,
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: securityOf(endpoint),
    requestParams: {
      ...(endpoint.params !== undefined && { path: endpoint.params as unknown as z.ZodObject }),
      ...(endpoint.query !== undefined && { query: endpoint.query as unknown as z.ZodObject }),
      ...(endpoint.method === 'post' && { header: idempotencyHeader }),
    },
    ...(endpoint.body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: bodyOf(endpoint) } },
      },
    }),
    responses: {
      [endpoint.status]: {
        description: 'Done.',
        headers: endpoint.method === 'post' ? replayableHeaders : answerHeaders,
        content: contentOf(endpoint),
      },
      ...errorResponses(endpoint),
    },
  };
}

/** Generated clients have a type of this name, `CreateUserRequest`; a schema with an id of its own keeps it. */
function withName(schema: z.ZodType, endpoint: Endpoint, suffix: 'Request' | 'Response'): z.ZodType {
  const { operationId } = endpoint;
  const id = `${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}${suffix}`;
  return schema.meta()?.id === undefined ? schema.meta({ ...schema.meta(), id }) : schema;
}

/** zod keeps every schema that has an id: one of each, however many documents are made. */
function oncePerEndpoint(make: (endpoint: Endpoint) => z.ZodType): (endpoint: Endpoint) => z.ZodType {
  const made = new WeakMap<Endpoint, z.ZodType>();
  return (endpoint) => {
    const schema = made.get(endpoint) ?? make(endpoint);
    made.set(endpoint, schema);
    return schema;
  };
}

const bodyOf = oncePerEndpoint((endpoint) => withName(endpoint.body as z.ZodType, endpoint, 'Request'));

const envelopeOf = oncePerEndpoint((endpoint) => {
  if (endpoint.answers === 'stream') throw new Error(`${endpoint.operationId} answers without an envelope`);
  const data = endpoint.data as z.ZodType;
  return withName(endpoint.answers === 'list' ? listOf(data) : successOf(data), endpoint, 'Response');
});

function contentOf(endpoint: Endpoint): ZodOpenApiResponseObject['content'] {
  if (endpoint.answers !== 'stream') return { 'application/json': { schema: envelopeOf(endpoint) } };
  return Object.fromEntries(endpoint.contentTypes.map((type) => [type, { schema: z.string() }]));
}

function securityOf(endpoint: Endpoint): Record<string, never[]>[] {
  if (endpoint.access === 'public') return [];
  const bySession = [{ session: [] }, { bearer: [] }];
  return endpoint.access === 'session' ? bySession : [...bySession, { apiKey: [] }];
}

/** The codes that an endpoint can answer with, those that follow from its definition included. */
export function errorCodesOf(endpoint: Endpoint): Set<ErrorCode> {
  const isRepeatable = endpoint.method === 'post';
  return new Set<ErrorCode>([
    'VALIDATION_ERROR', // An address that is too long, where there is nothing else to be wrong.
    ...(endpoint.access === 'public' ? [] : (['AUTHENTICATION_ERROR', 'SESSION_ERROR'] as const)),
    ...(endpoint.access === 'public' && endpoint.method === 'get' ? [] : (['PERMISSION_DENIED'] as const)),
    ...(isRepeatable ? (['CONSTRAINT_VIOLATION'] as const) : []),
    ...(endpoint.errors ?? []),
    'RATE_LIMIT_EXCEEDED',
    'DATABASE_ERROR',
    'INTERNAL_ERROR',
    'SERVICE_UNAVAILABLE',
    'TIMEOUT_ERROR',
  ]);
}

const MAY_SAY_WHEN = new Set<ErrorCode>(['RATE_LIMIT_EXCEEDED', 'ACCOUNT_LOCKED']);
const retryHeaders = z.object({
  'Retry-After': z.string().optional().meta({ description: 'In so many seconds it is worth another try.' }),
});

function errorResponses(endpoint: Endpoint): ZodOpenApiResponsesObject {
  const byStatus = Object.groupBy(errorCodesOf(endpoint), (code) => ERROR_STATUS[code]);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes]) => [
      status,
      {
        description: codes.join(' or '),
        ...(codes.some((code) => MAY_SAY_WHEN.has(code)) && { headers: retryHeaders }),
        content: { 'application/json': { schema: failure } },
      },
    ]),
  );
}
