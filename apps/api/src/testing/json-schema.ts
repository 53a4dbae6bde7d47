/**
 * For tests: values for the JSON Schemas of an OpenAPI 3.1 document, as fast-check arbitraries, and values that are
 * wrong in one place. No kept library does this (json-schema-fast-check was archived in 2022). A keyword that is
 * not known here is an error, so that nothing is silently left out.
 */
import fc, { type Arbitrary } from 'fast-check';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonSchema = { readonly [keyword: string]: unknown };

export interface SchemaSource {
  /** components.schemas of the document. */
  readonly components: Readonly<Record<string, JsonSchema>>;
  /** For properties of this name more often than what their schema says: ids and names that exist. */
  readonly known: Readonly<Record<string, Arbitrary<Json>>>;
}

/** Longer texts only cost time; limits are tried by mutation. */
const MAX_GENERATED_LENGTH = 40;

const DESCRIBING = [
  'description',
  'examples',
  'example',
  'title',
  'deprecated',
  '$comment',
  'id',
  'contentEncoding',
];
const KNOWN_KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'format'],
  boolean: [],
  null: [],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  object: [
    'properties',
    'required',
    'additionalProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
  ],
};

/** Values that the schema allows; those with `pattern` or `format` among the forms that are named here. */
export function valuesOf(schema: JsonSchema, source: SchemaSource): Arbitrary<Json> {
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].replace('#/components/schemas/', '');
    const target = source.components[name];
    if (target === undefined) throw new Error(`no schema ${schema['$ref']}`);
    return valuesOf(target, source);
  }
  if ('const' in schema) return fc.constant(schema['const'] as Json);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as Json[]));
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return fc.oneof(...choices.map((choice) => valuesOf(choice, source)));
  const type = schema['type'];
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => valuesOf({ ...schema, type: one }, source)));
  if (typeof type !== 'string' || KNOWN_KEYWORDS[type] === undefined) {
    throw new Error(`a schema without a type that is known here: ${JSON.stringify(schema)}`);
  }
  const known = new Set(['type', 'default', ...DESCRIBING, ...KNOWN_KEYWORDS[type]]);
  const unknown = Object.keys(schema).filter((keyword) => !known.has(keyword));
  if (unknown.length > 0) throw new Error(`keywords that are not known here: ${unknown.join(', ')}`);
  switch (type) {
    case 'string':
      return textsOf(schema);
    case 'integer':
      return fc.integer({
        min: numberOf(schema, 'minimum') ?? Number.MIN_SAFE_INTEGER,
        max: numberOf(schema, 'maximum') ?? Number.MAX_SAFE_INTEGER,
      });
    case 'number':
      return fc.double({
        noNaN: true,
        noDefaultInfinity: true,
        min: numberOf(schema, 'minimum') ?? -1e9,
        max: numberOf(schema, 'maximum') ?? 1e9,
      });
    case 'boolean':
      return fc.boolean();
    case 'array': {
      const minLength = numberOf(schema, 'minItems') ?? 0;
      const maxLength = Math.min(numberOf(schema, 'maxItems') ?? 5, minLength + 4);
      return fc.array(valuesOf((schema['items'] ?? {}) as JsonSchema, source), { minLength, maxLength });
    }
    case 'object':
      return objectsOf(schema, source);
    default:
      return fc.constant(null);
  }
}

function numberOf(schema: JsonSchema, keyword: string): number | undefined {
  const value = schema[keyword];
  return typeof value === 'number' ? value : undefined;
}

const FORMATS: Readonly<Record<string, Arbitrary<string>>> = {
  // Of fc.emailAddress() half would be refused: RFC 5322 allows what nobody has.
  email: fc.stringMatching(/^[a-z][a-z0-9_]{0,10}(\.[a-z]{1,5})?\+?[a-z]@[a-z]{1,8}\.(org|example)$/),
  'date-time': fc
    .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  uri: fc.stringMatching(/^https:\/\/[a-z]{1,8}\.example\/[a-z]{0,8}$/),
  uuid: fc.uuid(),
};

function textsOf(schema: JsonSchema): Arbitrary<string> {
  const format = schema['format'];
  if (typeof format === 'string') {
    const texts = FORMATS[format];
    if (texts === undefined) throw new Error(`the format ${format} is not known here`);
    return texts;
  }
  const minLength = numberOf(schema, 'minLength') ?? 0;
  const maxLength = Math.min(
    numberOf(schema, 'maxLength') ?? Infinity,
    Math.max(minLength, MAX_GENERATED_LENGTH),
  );
  const fits = (text: string) => text.length >= minLength && text.length <= maxLength;
  const pattern = schema['pattern'];
  if (typeof pattern === 'string') {
    const expression = new RegExp(pattern, 'u');
    // \p{…} is more than stringMatching can do.
    return /\\p\{/.test(pattern)
      ? fc
          .string({ minLength, maxLength, unit: 'grapheme' })
          .filter((text) => fits(text) && expression.test(text))
      : fc.stringMatching(new RegExp(pattern)).filter(fits);
  }
  // In UTF-16 units, as zod counts; a space at an end may be trimmed.
  return fc
    .string({ minLength, maxLength, unit: 'grapheme' })
    .filter((text) => fits(text) && text.trim() === text && !text.includes('\0'));
}

function objectsOf(schema: JsonSchema, source: SchemaSource): Arbitrary<Json> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const required = (schema['required'] ?? []) as string[];
  const named = fc.record(
    Object.fromEntries(
      properties.map(([name, inner]) => {
        const values = valuesOf(inner, source);
        const known = source.known[name];
        return [name, known === undefined ? values : fc.oneof(values, { weight: 3, arbitrary: known })];
      }),
    ),
    { requiredKeys: required },
  ) as Arbitrary<{ [key: string]: Json }>;
  const additional = schema['additionalProperties'];
  if (typeof additional !== 'object' || additional === null) return named;
  const keys = textsOf({ minLength: 1, ...((schema['propertyNames'] ?? {}) as JsonSchema) }).filter(
    (key) => key !== '__proto__',
  );
  return fc
    .tuple(named, fc.dictionary(keys, valuesOf(additional as JsonSchema, source), { maxKeys: 4 }))
    .map(([fixed, others]) => ({ ...others, ...fixed }));
}

/** A value's places, as paths from its root; the root itself is the empty one. */
function placesOf(value: Json, path: readonly (string | number)[] = []): (string | number)[][] {
  const inner =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, at]) =>
          placesOf(at, [...path, Array.isArray(value) ? Number(key) : key]),
        )
      : [];
  return [[...path], ...inner];
}

function replaceAt(
  value: Json,
  path: readonly (string | number)[],
  change: (old: Json) => Json | undefined,
): Json {
  const [key, ...rest] = path;
  if (key === undefined) return change(value) ?? null;
  const copy = structuredClone(value) as Record<string | number, Json>;
  const replaced = rest.length > 0 ? replaceAt(copy[key] ?? null, rest, change) : change(copy[key] ?? null);
  if (replaced !== undefined) copy[key] = replaced;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else delete copy[key];
  return copy as Json;
}

/** What has broken parsers, databases and logs before. */
export const NASTY_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '\uffff',
  '\u202eabc',
  'e\u0301'.repeat(50),
  '👩‍👩‍👧‍👦'.repeat(20),
  'İ',
  'ß'.repeat(300),
  'x'.repeat(10_001),
  "'; drop table auth.users; --",
  '%00',
  '{{7*7}}#{7*7}',
  '../../../../etc/passwd',
  '<script>alert(1)</script>',
  'null',
  'NaN',
  '-1',
  '1e999',
  '0x10',
  '\r\nSet-Cookie: a=b',
  '*',
  '*:*:*',
  '[object Object]',
];

const NASTY_NUMBERS: readonly number[] = [0, -1, 0.5, 2 ** 31, 2 ** 53, 2 ** 63, 1e21, 1e308, -1e308, 5e-324];

const NASTY_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  ' ',
  'id',
  'role',
  'isActive',
  'isSystem',
  'userId',
];

/** As JSON.stringify can't write it: a nesting of this depth. */
const nested = (depth: number): Json => {
  let value: Json = {};
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

/** One of these values with one thing wrong with it somewhere: type, length, missing, extra, null, text, number, depth. */
export function mutated(values: Arbitrary<Json>): Arbitrary<Json> {
  type Change = (old: Json) => Json | undefined;
  const weighted = (weight: number, arbitrary: Arbitrary<Change>) => ({ weight, arbitrary });
  const change: Arbitrary<Change> = fc.oneof(
    weighted(
      1,
      fc.constant(() => undefined),
    ),
    weighted(
      1,
      fc.constant(() => null),
    ),
    weighted(
      2,
      fc.constantFrom<Json>(true, 1, 'text', [], {}, [[]], [null], { a: 1 }).map((other) => () => other),
    ),
    weighted(
      3,
      fc.constantFrom(...NASTY_TEXTS).map((text) => () => text),
    ),
    // What Postgres and JSON can't hold, often enough to come to every field.
    weighted(
      3,
      fc.constantFrom('\0', 'a\0b', '\ud800').map((text) => () => text),
    ),
    weighted(
      1,
      fc.constantFrom(...NASTY_NUMBERS).map((number) => () => number),
    ),
    weighted(
      1,
      fc.constantFrom(2, 1_000).map((times) => (old: Json) => lengthened(old, times)),
    ),
    weighted(
      2,
      fc.tuple(fc.constantFrom(...NASTY_KEYS), fc.constantFrom<Json>(null, true, 'x', 1, [], {})).map(
        ([key, extra]) =>
          (old: Json) =>
            withExtra(old, key, extra),
      ),
    ),
    weighted(
      1,
      fc.constantFrom(50, 500).map((depth) => () => nested(depth)),
    ),
  );
  return fc.tuple(values, fc.nat(), change).map(([value, place, act]) => {
    const places = placesOf(value);
    return replaceAt(value, places[place % places.length] ?? [], act);
  });
}

function lengthened(old: Json, times: number): Json {
  if (typeof old === 'string') return (old === '' ? 'x' : old).repeat(times);
  if (typeof old === 'number') return old * times;
  if (Array.isArray(old)) return Array.from({ length: times }, () => old).flat(1);
  return Array.from({ length: times }, () => old);
}

function withExtra(old: Json, key: string, extra: Json): Json {
  if (Array.isArray(old)) return [...old, extra];
  if (typeof old !== 'object' || old === null) return { [key]: old };
  // Not by assignment, which would set the prototype.
  return Object.fromEntries([...Object.entries(old), [key, extra]]);
}
