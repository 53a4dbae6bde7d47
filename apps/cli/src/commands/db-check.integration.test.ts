import { expect, test } from 'vitest';
import { startTestSdk } from '../testing/sdk.ts';

test('`sdk db check` says what is pending, and refuses nothing that the running version can live with', async () => {
  const sdk = await startTestSdk();
  expect(await sdk.run(['db', 'check'])).toMatchObject({ exitCode: 0, stdout: 'No migration is pending.\n' });
  await sdk.query(
    'delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)',
  );
  const { exitCode, stdout } = await sdk.run(['db', 'check']);
  expect(stdout).toContain('Pending migrations: packages/db/migrations/');
  expect(stdout).toContain('The running version can live with them.');
  expect(exitCode).toBe(0);
});

test('`sdk db check` ends with 1 where a migration takes something away, with file, line and what to do instead', async () => {
  const sdk = await startTestSdk();
  // As if the database had only the very first migrations: 0004 drops a table.
  await sdk.query('delete from drizzle.__drizzle_migrations where id > 4');
  const { exitCode, stdout } = await sdk.run(['db', 'check']);
  expect(stdout).toMatch(
    /packages\/db\/migrations\/0004_email\.sql, line \d+: DROP TABLE "email"\."email_outbox";\n {2}It drops email\.email_outbox, which the running version may use\.\n {2}Instead: /,
  );
  expect(exitCode).toBe(1);
  expect(await sdk.json(['db', 'check'])).toMatchObject({ exitCode: 1, answer: { ok: false } });
});
