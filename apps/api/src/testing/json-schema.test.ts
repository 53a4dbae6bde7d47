import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOpenApiDocument } from '../openapi.ts';
import { endpoints } from '../routes/index.ts';
import { type JsonSchema, mutated, valuesOf } from './json-schema.ts';

const document = createOpenApiDocument(endpoints, { version: '1.2.3', cookieName: 'session' });
const components = document.components?.schemas as Record<string, JsonSchema>;
const bodies = Object.keys(components).filter((name) => name.endsWith('Request'));
const source = { components, known: {} };

function validatorOf(name: string) {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document as object, 'api');
  return ajv.compile({ $ref: `api#/components/schemas/${name}` });
}

test.each(bodies)('%s: what is made for it is valid by it', (name) => {
  const isValid = validatorOf(name);
  fc.assert(
    fc.property(valuesOf({ $ref: `#/components/schemas/${name}` }, source), (value) => {
      expect(isValid(value), JSON.stringify(isValid.errors)).toBe(true);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test.each(bodies)('%s: most of what has one thing wrong is not', (name) => {
  const isValid = validatorOf(name);
  const values = fc.sample(mutated(valuesOf({ $ref: `#/components/schemas/${name}` }, source)), {
    seed: 1,
    numRuns: 200,
  });
  expect(values.filter((value) => !isValid(value)).length).toBeGreaterThan(100);
});

test('a keyword that nobody taught it is an error', () => {
  expect(() => valuesOf({ type: 'string', contentMediaType: 'text/plain' }, source)).toThrow(
    'contentMediaType',
  );
  expect(() => valuesOf({ allOf: [] }, source)).toThrow('without a type');
});
