import { expect, test } from 'vitest';
import { createOpenApiDocument } from './openapi.ts';
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

test('every endpoint is described once', () => {
  const described = operations.map(({ method, path }) => `${method} ${path}`);
  const expected = endpoints.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(described.toSorted()).toEqual(expected.toSorted());
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(operations)('$method $path: parameters, body, answers and credentials', ({ path, operation }) => {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const described = (operation.parameters ?? []).flatMap((parameter) =>
    'in' in parameter && parameter.in === 'path' ? [parameter.name] : [],
  );
  expect(described).toEqual(inPath);
  expect(operation.security).toBeDefined();
  const statuses = Object.keys(operation.responses ?? {});
  expect(statuses.filter((status) => status.startsWith('2'))).toHaveLength(1);
  expect(statuses).toContain('500');
});

test('a number in a query is described as a number, and unknown fields as refused', () => {
  const list = operations.find(({ operation }) => operation.operationId === 'listUsers')?.operation;
  expect(list?.parameters).toContainEqual(
    expect.objectContaining({
      name: 'pageSize',
      schema: expect.objectContaining({ type: 'integer', maximum: 100 }),
    }),
  );
  const create = operations.find(({ operation }) => operation.operationId === 'createUser')?.operation;
  expect(JSON.stringify(create?.requestBody)).toContain('"additionalProperties":false');
});
