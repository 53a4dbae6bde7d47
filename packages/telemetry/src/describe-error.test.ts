import { expect, test } from 'vitest';
import { describeError } from './describe-error.ts';

/** As node-postgres throws it, inside of drizzle's. */
function queryError(): Error {
  const cause = Object.assign(new Error('duplicate key value violates unique constraint "users_email_key"'), {
    code: '23505',
    constraint: 'users_email_key',
    detail: 'Key (email)=(secret@example.org) already exists.',
  });
  return Object.assign(new Error('Failed query: insert … params: secret@example.org', { cause }), {
    query: 'insert into users values ($1)',
    params: ['secret@example.org'],
  });
}

test('a failed query is described by its text and code, without its parameters and details', () => {
  const described = describeError(queryError());
  expect(described).toMatchObject({
    query: 'insert into users values ($1)',
    cause: { code: '23505', constraint: 'users_email_key' },
  });
  expect(JSON.stringify(described)).not.toContain('secret@example.org');
});

test('any other error keeps its message and stack', () => {
  const error = new TypeError('a bug');
  expect(describeError(error)).toEqual({ type: 'TypeError', message: 'a bug', stack: error.stack });
});
