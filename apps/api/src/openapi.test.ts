import { readFile } from 'node:fs/promises';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { generateSchema } from '@sv-sdk/client/generator';
import { expect, test } from 'vitest';
import { createOpenApiDocument, errorCodesOf } from './openapi.ts';
import { endpoints } from './routes/index.ts';

const document = createOpenApiDocument(endpoints, { version: '1.2.3', cookieName: 'session' });
const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  (['get', 'post', 'patch', 'delete'] as const).flatMap((method) => {
    const operation = item[method];
    return operation === undefined ? [] : [{ path, method, operation }];
  }),
);

test('it is OpenAPI 3.1 of this version', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info.version).toBe('1.2.3');
});

test("Redocly's linter finds nothing: a valid document, and valid examples in it", async () => {
  // Beyond its strict set: tags that exist, examples that fit their schemas, names that don't differ by file.
  const rules = [
    'component-name-unique',
    'no-invalid-parameter-examples',
    'no-invalid-schema-examples',
    'no-required-schema-properties-undefined',
    'operation-singular-tag',
    'operation-tag-defined',
    'paths-kebab-case',
  ];
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: Object.fromEntries(rules.map((rule) => [rule, 'error'])),
  });
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  expect(
    problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`),
  ).toEqual([]);
});

test("the client's types are what this document gives (if not: pnpm generate:client)", async () => {
  const committed = new URL('../../../packages/client/src/schema.ts', import.meta.url);
  // As one text each: a difference of a thousand lines is of no use to anybody.
  expect((await readFile(committed, 'utf8')) === (await generateSchema(document))).toBe(true);
});

test('every endpoint is described once', () => {
  const described = operations.map(({ method, path }) => `${method} ${path}`);
  const expected = endpoints.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(described.toSorted()).toEqual(expected.toSorted());
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(operations)(
  '$method $path: a name, a summary, one tag, parameters, credentials',
  ({ path, operation }) => {
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary).toMatch(/\S{3}/);
    expect(operation.tags).toHaveLength(1);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = (operation.parameters ?? []).flatMap((parameter) =>
      'in' in parameter && parameter.in === 'path' ? [parameter.name] : [],
    );
    expect(described).toEqual(inPath);
    const isPublic =
      endpoints.find(({ operationId }) => operationId === operation.operationId)?.access === 'public';
    expect(operation.security?.length === 0).toBe(isPublic);
  },
);

test.each(operations)(
  '$method $path: one success; every error that it can answer with, by code',
  ({ operation }) => {
    const responses = (operation.responses ?? {}) as Record<string, { description?: string }>;
    expect(Object.keys(responses).filter((status) => status.startsWith('2'))).toHaveLength(1);
    const endpoint = endpoints.find(({ operationId }) => operationId === operation.operationId);
    for (const code of endpoint === undefined ? [] : errorCodesOf(endpoint)) {
      const texts = Object.values(responses).map(({ description = '' }) => description);
      expect(texts.some((text) => text.split(' or ').includes(code))).toBe(true);
    }
    expect(Object.keys(responses)).toContain('500');
  },
);

/** Every schema in the document that isn't a reference, with where it stands. */
function* schemasOf(
  value: unknown,
  place: string,
): Generator<{ schema: Record<string, unknown>; place: string }> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const here = `${place}/${key}`;
    if (key === 'schema' && !('$ref' in inner)) yield { schema: inner, place: here };
    yield* schemasOf(inner, here);
  }
}

test('every object and list in a body or an answer has a name, so that generated code can speak of it', () => {
  const nameless = [...schemasOf(document.paths, '')].filter(
    ({ schema, place }) => place.includes('/content/') && schema['type'] !== 'string',
  );
  expect(nameless.map(({ place }) => place)).toEqual([]);
  // What zod-openapi has to call something by itself.
  expect(
    Object.keys(document.components?.schemas ?? {}).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name)),
  ).toEqual([]);
});

test('a number in a query is described as a number, and unknown fields as refused', () => {
  const list = operations.find(({ operation }) => operation.operationId === 'listUsers')?.operation;
  expect(list?.parameters).toContainEqual(
    expect.objectContaining({
      name: 'pageSize',
      schema: expect.objectContaining({ type: 'integer', maximum: 100 }),
    }),
  );
  expect(document.components?.schemas?.['CreateUserRequest']).toMatchObject({ additionalProperties: false });
});
