import pg from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from './index.ts';

const TIMES = [
  ['direct', 'directUrl'],
  ['through PgBouncer', 'pooledUrl'],
] as const;

test.each(TIMES)('a connection left open (%s) fails the test by name', async (_way, url) => {
  const database = await createTestDatabase();
  const leaked = new pg.Client({ connectionString: database[url] });
  await leaked.connect();
  await leaked.query('select 1');
  await expect(database.drop()).rejects.toThrow(/a connection left open .* has left 1 connection\(s\)/);
  await leaked.end();
  await database.drop();
});

test('two databases share nothing', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const connect = async (url: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  };
  const [first, second] = await Promise.all([connect(one.pooledUrl), connect(other.pooledUrl)]);
  await first.query(
    "insert into email.email_suppressions (id, email, reason) values ('1', 'a@example.org', 'test')",
  );
  expect((await second.query('select * from email.email_suppressions')).rows).toEqual([]);
  await Promise.all([first.end(), second.end()]);
  await Promise.all([one.drop(), other.drop()]);
});
