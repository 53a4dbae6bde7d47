import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { migrationStatus } from '../migrate.ts';
import { migrationsFolder } from '../migration-journal.ts';
import { createTestDatabase } from '../testing/index.ts';
import { checkPendingMigrations } from './pending-migrations.ts';

/** A database, with this version's migrations or before any, and its owner. */
async function databaseOfTest(options: { isMigrated?: boolean } = {}) {
  const database = await createTestDatabase(options);
  const owner = new pg.Client({ connectionString: database.directUrl });
  await owner.connect();
  onTestFinished(async () => {
    await owner.end();
    await database.drop();
  });
  return { url: database.directUrl, owner };
}

/** This version's migrations with one more, as a checkout has them. */
function folderWith(sql: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(migrationsFolder, folder, { recursive: true });
  const journalFile = join(folder, 'meta/_journal.json');
  const journal = JSON.parse(readFileSync(journalFile, 'utf8'));
  journal.entries.push({ tag: '9999_next', when: Date.parse('2100-01-01') });
  writeFileSync(journalFile, JSON.stringify(journal));
  writeFileSync(join(folder, '9999_next.sql'), sql);
  return folder;
}

test('only what the database lacks is judged, and nothing is changed', async () => {
  const { url, owner } = await databaseOfTest();
  expect(await checkPendingMigrations(url)).toEqual({ pending: [], refused: [], contracting: [] });
  const folder = folderWith('-- a name is two\nALTER TABLE "auth"."users" DROP COLUMN "name";');
  expect(await checkPendingMigrations(url, folder)).toMatchObject({
    pending: ['packages/db/migrations/9999_next.sql'],
    refused: [
      {
        file: 'packages/db/migrations/9999_next.sql',
        line: 2,
        problem: expect.stringContaining('auth.users.name'),
      },
    ],
  });
  expect((await owner.query('select name from auth.users')).rows).toEqual([]);
});

test('an empty database has no version that could be hurt', async () => {
  const { url } = await databaseOfTest({ isMigrated: false });
  const { pending, refused } = await checkPendingMigrations(url);
  expect(pending.length).toBeGreaterThan(5);
  expect(refused).toEqual([]);
});

test('an index on a large table is refused, until it was built by hand', async () => {
  const { url, owner } = await databaseOfTest();
  await owner.query(
    "create table email.big as select i as id, repeat('x', 1000) as text from generate_series(1, 75000) i",
  );
  const folder = folderWith('CREATE INDEX IF NOT EXISTS big_id_idx ON email.big (id);');
  expect((await checkPendingMigrations(url, folder)).refused).toMatchObject([
    {
      problem: expect.stringMatching(/stops all writes to email.big \(8\d MiB\)/),
      instead: expect.stringContaining('CONCURRENTLY'),
    },
  ]);
  await owner.query('create index concurrently if not exists big_id_idx on email.big (id)');
  expect((await checkPendingMigrations(url, folder)).refused).toEqual([]);
});

test('the size of a partitioned table is that of its partitions', async () => {
  const { url, owner } = await databaseOfTest();
  await owner.query('create table email.parted (id int, text text) partition by range (id)');
  await owner.query('create table email.parted_1 partition of email.parted default');
  await owner.query("insert into email.parted select i, repeat('x', 1000) from generate_series(1, 75000) i");
  const folder = folderWith('CREATE INDEX parted_id_idx ON email.parted (id);');
  expect((await checkPendingMigrations(url, folder)).refused).toMatchObject([
    { problem: expect.stringContaining('stops all writes to email.parted') },
  ]);
});

test('after a rollback the database knows more than this version, and nothing is pending', async () => {
  const { url, owner } = await databaseOfTest();
  await owner.query(
    "insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 4102444800000)",
  );
  expect(await checkPendingMigrations(url)).toMatchObject({ pending: [] });
  expect(await migrationStatus(url)).toMatchObject({ pending: 0 });
});
