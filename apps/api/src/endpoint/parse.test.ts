import { expect, test } from 'vitest';
import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { parse } from './parse.ts';

const email = z.strictObject({ to: z.email(), tags: z.array(z.string()).optional() });
const schema = z.union([email, z.strictObject({ emails: z.array(email) })]);

function faultOf<T>(target: z.ZodType<T>, value: unknown): ApiError {
  try {
    parse(target, value);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test.each([
  [email, {}, 'to'],
  [email, { to: 'a@example.org', tags: ['x', 1] }, 'tags[1]'],
  [email, { to: 'a@example.org', isAdmin: true }, 'isAdmin'],
  [email, JSON.parse('{"to":"a@example.org","__proto__":{"isAdmin":true}}'), '__proto__'],
  [email, 'text', 'body'],
  [email, null, 'body'],
  [email, undefined, 'body'],
  [schema, { emails: [{ to: 'a@example.org' }, { to: 'nobody' }] }, 'emails[1].to'],
  [schema, { to: 'a@example.org', extra: 1 }, 'extra'],
])('%#: the fault in %j is named', (target, value, field) => {
  const error = faultOf<unknown>(target, value);
  expect(error).toMatchObject({ code: 'VALIDATION_ERROR', field });
  expect(error.details?.[0]?.field).toBe(field);
  expect(error.message).toContain(field);
});

test('all faults are listed together', () => {
  expect(faultOf(email, { to: 1, tags: 2, more: 3 }).details?.map((detail) => detail.field)).toEqual([
    'to',
    'tags',
    'more',
  ]);
});

test('what fits comes out in the form of the schema', () => {
  expect(parse(z.strictObject({ name: z.string().trim() }), { name: ' Ada ' })).toEqual({ name: 'Ada' });
});
