import { readdirSync, readFileSync } from 'node:fs';
import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { ApiError, ERROR_STATUS, toApiError } from './errors.ts';

/** As node-postgres throws it, inside of drizzle's. */
function databaseError(code: string, more: Record<string, string> = {}): Error {
  const cause = Object.assign(new Error('text of Postgres with secret@example.org'), {
    code,
    severity: 'ERROR',
    detail: 'Key (email)=(secret@example.org) already exists.',
    ...more,
  });
  return new DrizzleQueryError('insert into users values ($1)', ['secret@example.org'], cause);
}

describe('what is thrown becomes a code', () => {
  test.each([
    [databaseError('23505', { constraint: 'users_email_key' }), 'CONSTRAINT_VIOLATION', 'email'],
    [databaseError('23505', { constraint: 'roles_name_key' }), 'CONSTRAINT_VIOLATION', 'name'],
    [databaseError('23505', { constraint: 'another_key' }), 'CONSTRAINT_VIOLATION', undefined],
    [databaseError('23503'), 'CONSTRAINT_VIOLATION', undefined],
    [databaseError('22021'), 'VALIDATION_ERROR', undefined],
    [databaseError('42P01'), 'DATABASE_ERROR', undefined],
    [databaseError('57014'), 'TIMEOUT_ERROR', undefined],
    [databaseError('25P04'), 'TIMEOUT_ERROR', undefined],
    [databaseError('57P01'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('08P01'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('53300'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('53100'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('58030'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('55P03'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('40P01'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('25006'), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('0A000', { routine: 'RevalidateCachedQuery' }), 'SERVICE_UNAVAILABLE', undefined],
    [databaseError('0A000', { routine: 'transformStmt' }), 'DATABASE_ERROR', undefined],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'SERVICE_UNAVAILABLE', undefined],
    [new Error('timeout exceeded when trying to connect'), 'SERVICE_UNAVAILABLE', undefined],
    [new Error('Connection terminated unexpectedly'), 'SERVICE_UNAVAILABLE', undefined],
    [Object.assign(new Error('bad path'), { status: 400 }), 'VALIDATION_ERROR', undefined],
    [new TypeError('a bug'), 'INTERNAL_ERROR', undefined],
    ['not even an error', 'INTERNAL_ERROR', undefined],
    [undefined, 'INTERNAL_ERROR', undefined],
  ])('%s: %s', (thrown, code, field) => {
    expect(toApiError(thrown)).toMatchObject({ code, field });
  });

  test('an ApiError stays as it is', () => {
    const error = new ApiError('ROLE_ERROR', 'no such role');
    expect(toApiError(error)).toBe(error);
    expect(error.status).toBe(400);
  });
});

test('the public text holds nothing of what was thrown', () => {
  for (const thrown of [
    databaseError('23505'),
    databaseError('42P01'),
    new TypeError('a bug with secret@example.org'),
  ]) {
    const { message, details } = toApiError(thrown);
    expect(JSON.stringify({ message, details })).not.toMatch(/secret@example|Postgres|insert into|bug/);
  }
});

describe('docs/errors', () => {
  const folder = new URL('../../../docs/errors/', import.meta.url);
  const pages = readdirSync(folder).filter((name) => name !== 'README.md');

  test('has a page for each code, and for nothing else', () => {
    expect(pages.toSorted()).toEqual(
      Object.keys(ERROR_STATUS)
        .map((code) => `${code}.md`)
        .toSorted(),
    );
  });

  test.each(Object.entries(ERROR_STATUS))('%s (%i) says what happened and how to fix it', (code, status) => {
    const page = readFileSync(new URL(`${code}.md`, folder), 'utf8');
    expect(page).toMatch(new RegExp(`^# ${code} \\(${status}\\)`));
    expect(page).toContain('## What happened');
    expect(page).toContain('## How to fix it');
  });
});
