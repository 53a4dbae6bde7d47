import { createLogger } from '@sv-sdk/telemetry';
import { eq, sql } from 'drizzle-orm';
import pg from 'pg';
import { Registry } from 'prom-client';
import { getContainerRuntimeClient } from 'testcontainers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { createDatabase, type Database, type DatabaseOptions } from './database.ts';
import type { RecentWrites } from './recent-writes.ts';
import { users } from './schema/index.ts';
import {
  createTestDatabase,
  databaseUrl,
  SOON,
  startPgbouncer,
  startTestReplica,
  type TestDatabase,
  type TestReplica,
  type TestServer,
} from './testing/index.ts';
import type { Db } from './transaction.ts';

const { secrets, network } = inject('databaseServers');
const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });

let replica: TestReplica;
let replicaPgbouncer: TestServer;

let database: TestDatabase;
const opened: Database[] = [];

beforeAll(async () => {
  replica = await startTestReplica('replica_of_a_test');
  replicaPgbouncer = await startPgbouncer({ network, secrets, server: replica.server.internalHost });
});

afterAll(() => replica.stop());

beforeEach(async () => {
  database = await createTestDatabase();
  await replica.untilReplayed();
});

afterEach(async () => {
  // A test of its end has stopped it for good.
  await replica.resumeReplay().catch(() => undefined);
  for (const db of opened.splice(0)) await db.close();
  await database.drop();
});

/** An instance of the platform: pools of its own, the replica behind a PgBouncer as in the stack. */
async function openInstance(options: Partial<DatabaseOptions> = {}) {
  const registry = new Registry();
  const db = createDatabase({
    primaryUrl: database.pooledUrl,
    replicaUrls: [databaseUrl(replicaPgbouncer, 'sv_app', secrets.db_app_password, database.name)],
    poolMin: 0,
    poolMax: 4,
    logger,
    registry,
    ...options,
  });
  opened.push(db);
  const reads = async (target: string, reason: string) => {
    const { values } = (await registry.getSingleMetric('sv_db_reads_total')?.get()) ?? { values: [] };
    return (
      values.find(({ labels }) => labels['target'] === target && labels['reason'] === reason)?.value ?? 0
    );
  };
  const fallbacks = async () =>
    (await registry.getSingleMetric('sv_db_replica_fallbacks_total')?.get())?.values[0]?.value ?? 0;
  const target = async (principalId?: string) =>
    (await db.read(principalId)) === db.write() ? 'primary' : 'replica';
  return { db, reads, fallbacks, target };
}

async function openReadyInstance(options: Partial<DatabaseOptions> = {}) {
  const instance = await openInstance(options);
  await expect.poll(() => instance.target(), SOON).toBe('replica');
  return instance;
}

/** What all instances share, in the place of the cache. */
class SharedMemory implements RecentWrites {
  readonly #positions = new Map<string, string>();

  async remember(principalId: string, position: string): Promise<void> {
    this.#positions.set(principalId, position);
  }

  async lastPosition(principalId: string): Promise<string | undefined> {
    return this.#positions.get(principalId);
  }
}

const addUser = (db: Database, principalId: string, email: string) =>
  db.withTx((tx) => tx.insert(users).values({ email, name: 'Someone' }), { principalId });

const countUsers = (db: Db, email: string) => db.$count(users, eq(users.email, email));

test('a writer reads its own write from the primary while the replica lags, and others read the replica', async () => {
  const { db, reads } = await openReadyInstance();
  await replica.pauseReplay();
  await addUser(db, 'writer', 'a@example.org');

  const forWriter = await db.read('writer');
  expect(forWriter).toBe(db.write());
  expect(await countUsers(forWriter, 'a@example.org')).toBe(1);
  expect(await reads('primary', 'recent_write')).toBe(1);

  const forOther = await db.read('other');
  expect(forOther).not.toBe(db.write());
  expect(await forOther.execute(sql`select pg_is_in_recovery() as is_replica`)).toMatchObject({
    rows: [{ is_replica: true }],
  });
  expect(await countUsers(forOther, 'a@example.org')).toBe(0);

  await replica.resumeReplay();
  await expect
    .poll(() => reads('replica', 'caught_up').then(async () => (await db.read('writer')) === forOther), SOON)
    .toBe(true);
  expect(await countUsers(await db.read('writer'), 'a@example.org')).toBe(1);
  expect(await reads('replica', 'caught_up')).toBeGreaterThan(0);
});

test('another instance knows of the write as well', async () => {
  const recentWrites = new SharedMemory();
  const [here, there] = await Promise.all([
    openReadyInstance({ recentWrites }),
    openReadyInstance({ recentWrites }),
  ]);
  await replica.pauseReplay();
  await addUser(here.db, 'writer', 'a@example.org');
  expect(await countUsers(await there.db.read('writer'), 'a@example.org')).toBe(1);
  expect(await there.target('other')).toBe('replica');
});

test('when the shared memory is away, reads go to the primary, and writes go on', async () => {
  const recentWrites: RecentWrites = {
    remember: () => Promise.reject(new Error('the cache is away')),
    lastPosition: () => Promise.reject(new Error('the cache is away')),
  };
  const { db, target } = await openReadyInstance({ recentWrites });
  await addUser(db, 'writer', 'a@example.org');
  expect(await target('somebody')).toBe('primary');
  expect(await countUsers(await db.read('writer'), 'a@example.org')).toBe(1);
});

test('a write that could not be shared is answered once the replica has it, so that another instance reads no older state', async () => {
  let refused = 0;
  const recentWrites: RecentWrites = {
    remember: () => {
      refused += 1;
      return Promise.reject(new Error('the cache is too slow'));
    },
    lastPosition: async () => undefined,
  };
  const [here, there] = await Promise.all([
    openReadyInstance({ recentWrites }),
    openReadyInstance({ recentWrites }),
  ]);
  await replica.pauseReplay();
  let isAnswered = false;
  const written = addUser(here.db, 'writer', 'a@example.org').then(() => {
    isAnswered = true;
  });
  await expect.poll(() => refused, SOON).toBe(4);
  expect(await countUsers(here.db.write(), 'a@example.org')).toBe(1);
  expect(await countUsers(await there.db.read('writer'), 'a@example.org')).toBe(0);
  expect(isAnswered).toBe(false);

  await replica.resumeReplay();
  await written;
  expect(await there.target('writer')).toBe('replica');
  expect(await countUsers(await there.db.read('writer'), 'a@example.org')).toBe(1);
});

test('of 300 writes, each read back at once while replay is paused and resumed, none is missed', async () => {
  const { db, reads } = await openReadyInstance();
  let stale = 0;
  for (let i = 0; i < 300; i++) {
    if (i % 20 === 0) await replica.pauseReplay();
    if (i % 20 === 10) await replica.resumeReplay();
    const email = `user${i}@example.org`;
    await addUser(db, `writer${i % 7}`, email);
    if ((await countUsers(await db.read(`writer${i % 7}`), email)) !== 1) stale++;
  }
  expect(stale).toBe(0);
  expect(await reads('primary', 'recent_write')).toBeGreaterThan(150);
});

test('a replica that lags too far behind is not read by anybody', async () => {
  const { db, target, reads } = await openReadyInstance({ replicaMaxLagSeconds: 1 });
  await replica.pauseReplay();
  expect(await target()).toBe('replica');
  await addUser(db, 'writer', 'a@example.org');
  await expect.poll(() => target('other'), SOON).toBe('primary');
  expect(await reads('primary', 'lag')).toBeGreaterThan(0);
  await replica.resumeReplay();
  await expect.poll(() => target('other'), SOON).toBe('replica');
});

test('an idle primary makes no replica look late', async () => {
  // Longer idle than the limit: one that looked late by that would stay so. What a loaded machine's real lag is passes.
  const { target } = await openReadyInstance({ replicaMaxLagSeconds: 2 });
  const until = Date.now() + 5_000;
  while (Date.now() < until) await target();
  await expect.poll(() => target(), SOON).toBe('replica');
});

test('a server that is no replica is not read as one', async () => {
  const { target, reads } = await openInstance({ replicaUrls: [database.pooledUrl] });
  await expect
    .poll(async () => (await target()) === 'primary' && (await reads('primary', 'down')) > 50, SOON)
    .toBe(true);
});

test('a statement that only the lagging replica cannot run is answered by the primary', async () => {
  const { db, fallbacks } = await openReadyInstance();
  const onReplica = await db.read();
  await replica.pauseReplay();
  const owner = new pg.Client({ connectionString: database.directUrl });
  await owner.connect();
  await owner.query('create table email.just_migrated as select 42 as answer');
  await owner.end();
  expect(await onReplica.execute(sql`select answer from email.just_migrated`)).toMatchObject({
    rows: [{ answer: 42 }],
  });
  expect(await fallbacks()).toBe(1);
});

test('read() refuses to write, on the primary too, and to start a transaction', async () => {
  const { db, fallbacks } = await openReadyInstance();
  const onReplica = await db.read();
  await expect(
    onReplica.insert(users).values({ email: 'a@example.org', name: 'Someone' }),
  ).rejects.toMatchObject({
    cause: { code: '25006' },
  });
  await expect(onReplica.transaction(async () => 1)).rejects.toThrow('withTx()');
  expect(await fallbacks()).toBe(0);
  expect(await countUsers(db.write(), 'a@example.org')).toBe(0);
});

test('a query whose connection to the replica is killed is answered by the primary', async () => {
  const { db, fallbacks } = await openReadyInstance();
  const onReplica = await db.read();
  // Drizzle sends nothing before its answer is asked for.
  const slow = Promise.resolve(
    onReplica.execute(
      sql`select 'slow' as answer from (select pg_sleep(case when pg_is_in_recovery() then 60 else 0 end)) as pause`,
    ),
  );
  const killed = async () =>
    (
      await replica.admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and query like '%pg_sleep%'",
        [database.name],
      )
    ).rowCount;
  await expect.poll(killed, SOON).toBe(1);
  expect(await slow).toMatchObject({ rows: [{ answer: 'slow' }] });
  expect(await fallbacks()).toBe(1);
});

test('named prepared statements work on the replica, and on the primary when they fall back to it', async () => {
  const { db } = await openReadyInstance();
  await addUser(db, 'writer', 'a@example.org');
  await replica.untilReplayed();
  const byEmail = (await db.read())
    .select({ isReplica: sql<boolean>`pg_is_in_recovery()` })
    .from(users)
    .where(eq(users.email, sql.placeholder('email')))
    .prepare('user_by_email');
  for (let i = 0; i < 20; i++)
    expect(await byEmail.execute({ email: 'a@example.org' })).toEqual([{ isReplica: true }]);
  await withFrozenReplica(async () => {
    expect(await byEmail.execute({ email: 'a@example.org' })).toEqual([{ isReplica: false }]);
  });
});

/** A frozen container keeps its connections and answers nothing: the worst way for a server to be away. */
async function withFrozenReplica(action: () => Promise<void>): Promise<void> {
  const docker = await getContainerRuntimeClient();
  const container = docker.container.getById(replica.server.container.getId());
  await container.pause();
  try {
    await action();
  } finally {
    await container.unpause();
  }
}

test('a replica that hangs fails no read, and is used again when it is back', async () => {
  const { db, target, reads } = await openReadyInstance();
  await addUser(db, 'writer', 'a@example.org');
  await replica.untilReplayed();
  await expect.poll(() => target('writer'), SOON).toBe('replica');
  const chosenBefore = await db.read('writer');
  // Connections that are open already: a new one would fail at once, these would wait for ever.
  await Promise.all([1, 2, 3].map(() => countUsers(chosenBefore, 'a@example.org')));
  await withFrozenReplica(async () => {
    const started = Date.now();
    const inFlight = [1, 2, 3].map(() => countUsers(chosenBefore, 'a@example.org'));
    expect(await Promise.all(inFlight)).toEqual([1, 1, 1]);
    expect(Date.now() - started).toBeLessThan(5_000);
    await expect.poll(() => target('writer'), SOON).toBe('primary');
    expect(await reads('primary', 'down')).toBeGreaterThan(0);
  });
  await expect.poll(() => target('writer'), SOON).toBe('replica');
});

test('a replica that is stopped while it is read fails no read', async () => {
  const { db, target, reads } = await openReadyInstance();
  await addUser(db, 'writer', 'a@example.org');
  await replica.untilReplayed();
  let isStopping = true;
  let answered = 0;
  const reader = async (principalId: string) => {
    while (isStopping) {
      expect(await countUsers(await db.read(principalId), 'a@example.org')).toBe(1);
      answered++;
    }
  };
  const readers = ['writer', 'b', 'c', 'd'].map(reader);
  await expect.poll(() => answered, SOON).toBeGreaterThan(100);
  await replica.server.container.stop({ remove: false });
  const before = answered;
  await expect.poll(() => answered, SOON).toBeGreaterThan(before + 100);
  isStopping = false;
  await Promise.all(readers);
  expect(await target()).toBe('primary');
  expect(await reads('primary', 'down')).toBeGreaterThan(0);
  expect(await reads('replica', 'none')).toBeGreaterThan(0);
});
