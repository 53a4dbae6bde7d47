import { createLogger } from '@sv-sdk/telemetry';
import { eq, sql } from 'drizzle-orm';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database } from './database.ts';
import { users } from './schema/index.ts';
import { startCuttingProxy } from './testing/cutting-proxy.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import type { Tx } from './transaction.ts';

const POOL_MAX = 2;

let database: TestDatabase;
let db: Database;
let registry: Registry;

beforeEach(async () => {
  database = await createTestDatabase();
  ({ db, registry } = open(database.pooledUrl));
});

afterEach(async () => {
  await db.close();
  await database.drop();
});

function open(primaryUrl: string, poolMax = POOL_MAX) {
  const registry = new Registry();
  const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
  return { registry, db: createDatabase({ primaryUrl, poolMin: 0, poolMax, logger, registry }) };
}

const insertUser = (tx: Tx, email: string) => tx.insert(users).values({ email, name: 'Someone' });
const emails = async () =>
  (await db.write().select({ email: users.email }).from(users)).map(({ email }) => email);

async function heldConnections(of: Registry = registry): Promise<number> {
  const { values } = (await of.getSingleMetric('sv_db_pool_connections')?.get()) ?? { values: [] };
  return values.find(({ labels }) => labels['state'] === 'in_use')?.value ?? Number.NaN;
}

test('what the action wrote is there once withTx has resolved, with its result', async () => {
  expect(await db.withTx(async (tx) => (await insertUser(tx, 'a@example.org')).rowCount)).toBe(1);
  expect(await emails()).toEqual(['a@example.org']);
});

test('a rejected action leaves nothing behind, rejects with its own error and gives its connection back', async () => {
  const failure = new Error('changed my mind');
  for (let i = 0; i < POOL_MAX + 1; i++) {
    const attempt = db.withTx(async (tx) => {
      await insertUser(tx, 'a@example.org');
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
  }
  expect(await emails()).toEqual([]);
  expect(await heldConnections()).toBe(0);
});

test('a transaction whose failed statement was swallowed is not reported as committed', async () => {
  const attempt = db.withTx(async (tx) => {
    await insertUser(tx, 'a@example.org');
    await tx.execute(sql`select 1 / 0`).catch(() => undefined);
  });
  await expect(attempt).rejects.toThrow('the transaction was rolled back');
  expect(await emails()).toEqual([]);
});

test('a nested transaction is a savepoint: its failure undoes its own rows only', async () => {
  await db.withTx(async (tx) => {
    await insertUser(tx, 'outer@example.org');
    const inner = tx.transaction(async (nested) => {
      await insertUser(nested, 'inner@example.org');
      throw new Error('inner');
    });
    await expect(inner).rejects.toThrow('inner');
  });
  expect(await emails()).toEqual(['outer@example.org']);
});

test('a commit that fails rejects and gives its connection back', async () => {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  // Checked at COMMIT and not before.
  await client.query(`create function refuse() returns trigger language plpgsql as $$ begin raise 'not today'; end $$;
    create constraint trigger refuse after insert on auth.users deferrable initially deferred
      for each row execute function refuse()`);
  await client.end();
  for (let i = 0; i < POOL_MAX + 1; i++) {
    await expect(db.withTx((tx) => insertUser(tx, 'a@example.org'))).rejects.toThrow('not today');
  }
  expect(await heldConnections()).toBe(0);
  expect(await emails()).toEqual([]);
});

test('a connection that is killed in the middle of a transaction leaks no slot', async () => {
  const killer = new pg.Client({ connectionString: database.adminUrl });
  await killer.connect();
  for (let i = 0; i < POOL_MAX + 1; i++) {
    const attempt = db.withTx(async (tx) => {
      const { rows } = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`);
      await killer.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
      await insertUser(tx, 'a@example.org');
    });
    await expect(attempt).rejects.toThrow();
  }
  await killer.end();
  expect(await heldConnections()).toBe(0);
  expect(await db.withTx((tx) => insertUser(tx, 'b@example.org'))).toMatchObject({ rowCount: 1 });
  expect(await emails()).toEqual(['b@example.org']);
});

test.each(['withTx', 'write().transaction'])('%s: a BEGIN that fails leaks no slot', async (way) => {
  const { hostname, port } = new URL(database.pooledUrl);
  const proxy = await startCuttingProxy({ host: hostname, port: Number(port) });
  const url = new URL(database.pooledUrl);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const cut = open(url.href);
  const run = (action: (tx: Tx) => Promise<unknown>) =>
    way === 'withTx' ? cut.db.withTx(action) : cut.db.write().transaction((tx) => action(tx as Tx));
  try {
    for (let i = 0; i < POOL_MAX + 1; i++) {
      await run((tx) => tx.execute(sql`select 1`));
      proxy.cutOnSend(true);
      let hasRun = false;
      const attempt = run(async () => {
        hasRun = true;
      });
      await expect(attempt).rejects.toThrow();
      expect(hasRun).toBe(false);
      proxy.cutOnSend(false);
    }
    expect(await heldConnections(cut.registry)).toBe(0);
    // More than the pool holds, all at once: no slot is missing.
    await Promise.all(Array.from({ length: POOL_MAX * 2 }, () => run((tx) => tx.execute(sql`select 1`))));
  } finally {
    await cut.db.close();
    await proxy.close();
  }
});

test('named prepared statements work through PgBouncer, on whatever server connection they land', async () => {
  await db.withTx((tx) => insertUser(tx, 'a@example.org'));
  const wide = open(database.pooledUrl, 6).db;
  const byEmail = wide
    .write()
    .select({ name: users.name, pid: sql<number>`pg_backend_pid()` })
    .from(users)
    .where(eq(users.email, sql.placeholder('email')))
    .prepare('user_by_email');
  const pids = new Set<number>();
  for (let round = 0; round < 10; round++) {
    // Open transactions hold server connections that know the statement, so that it meets some that don't.
    const holders = [1, 2, 3].map(() => wide.withTx((tx) => tx.execute(sql`select pg_sleep(0.01)`)));
    const found = await Promise.all([1, 2, 3].map(() => byEmail.execute({ email: 'a@example.org' })));
    for (const [user] of found) {
      expect(user?.name).toBe('Someone');
      pids.add(user?.pid ?? 0);
    }
    await Promise.all(holders);
  }
  await wide.close();
  expect(pids.size).toBeGreaterThan(1);
});

test('ping tells whether the primary answers', async () => {
  expect(await db.ping()).toBe(true);
  const nowhere = open('postgres://sv_app:wrong@127.0.0.1:1/sv');
  expect(await nowhere.db.ping()).toBe(false);
  await nowhere.db.close();
});

test('without a replica, reads go to the primary', async () => {
  expect(await db.read('somebody')).toBe(db.write());
  const { values } = (await registry.getSingleMetric('sv_db_reads_total')?.get()) ?? { values: [] };
  expect(values).toEqual([
    expect.objectContaining({ labels: { target: 'primary', server: 'primary', reason: 'none' }, value: 1 }),
  ]);
});
