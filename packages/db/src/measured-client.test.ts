import { expect, test } from 'vitest';
import { createStatementNames, describeStatement, OTHER } from './measured-client.ts';

test.for([
  ['select "id", "email" from "auth"."users" where "id" = $1', 'select auth.users'],
  ['insert into "email"."email_sends" ("id") values ($1)', 'insert email.email_sends'],
  ['\n    delete from auth.sessions where ctid = any (array(select ctid from x))', 'delete auth.sessions'],
  ['UPDATE roles SET name = $1', 'update roles'],
  ['with due as (select 1 from outbox) update email_sends set x = 1', 'with outbox'],
  ['select now()', 'select'],
  ['begin read only', 'begin'],
  ['', OTHER],
] as const)('%s is called %s', ([text, name]) => {
  expect(describeStatement(text)).toBe(name);
});

test('a statement that is prepared under a name is called so', () => {
  expect(createStatementNames()({ name: 'claim_emails', text: 'select 1 from x' })).toBe('claim_emails');
});

test('texts that are made of values become no labels without an end', () => {
  const nameOf = createStatementNames();
  const names = new Set(
    Array.from({ length: 10_000 }, (_, index) => nameOf(`select 1 from "table_${index}"`)),
  );
  expect(names.size).toBe(501);
  expect(names).toContain(OTHER);
});
