/** Several replicas: who reads where, and what a failover leaves behind. */
import { createLogger } from '@sv-sdk/telemetry';
import { eq, sql } from 'drizzle-orm';
import pg from 'pg';
import { Registry } from 'prom-client';
import { getContainerRuntimeClient } from 'testcontainers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { createDatabase, type Database, type DatabaseOptions } from './database.ts';
import { users } from './schema/index.ts';
import {
  createTestDatabase,
  databaseUrl,
  SOON,
  startPrimary,
  startTestReplica,
  type TestDatabase,
  type TestReplica,
} from './testing/index.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });

let first: TestReplica;
let second: TestReplica;
let database: TestDatabase;
const opened: Database[] = [];

beforeAll(async () => {
  [first, second] = await Promise.all([
    startTestReplica('replica_1_of_two'),
    startTestReplica('replica_2_of_two'),
  ]);
});

afterAll(() => Promise.all([first.stop(), second.stop()]));

beforeEach(async () => {
  database = await createTestDatabase();
  await Promise.all([first.untilReplayed(), second.untilReplayed()]);
});

afterEach(async () => {
  // A primary, which `first` is at the end, has nothing to resume.
  await Promise.all([first, second].map((replica) => replica.resumeReplay().catch(() => undefined)));
  for (const db of opened.splice(0)) await db.close();
  await database.drop();
});

async function open(options: Partial<DatabaseOptions> = {}) {
  const registry = new Registry();
  const db = createDatabase({
    primaryUrl: database.pooledUrl,
    replicaUrls: [first.url(database.name), second.url(database.name)],
    poolMin: 0,
    poolMax: 4,
    logger,
    registry,
    ...options,
  });
  opened.push(db);
  const valuesOf = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values ?? [];
  const reads = async (server: string, reason: string) =>
    (await valuesOf('sv_db_reads_total')).find(
      ({ labels }) => labels['server'] === server && labels['reason'] === reason,
    )?.value ?? 0;
  /** Where the next read of this caller is sent, and why. */
  const next = async (principalId?: string): Promise<string> => {
    registry.resetMetrics();
    await db.read(principalId);
    const [counted] = (await valuesOf('sv_db_reads_total')).filter(({ value }) => value > 0);
    return `${counted?.labels['server']}: ${counted?.labels['reason']}`;
  };
  const usable = async (server: string) =>
    (await valuesOf('sv_db_replica_usable')).find(({ labels }) => labels['server'] === server)?.value;
  const untilUsable = async (...servers: string[]) => {
    for (const server of servers) await expect.poll(() => usable(server), SOON).toBe(1);
  };
  return { db, reads, next, usable, untilUsable, valuesOf };
}

async function openReady(options: Partial<DatabaseOptions> = {}) {
  const instance = await open(options);
  await instance.untilUsable('replica_1', 'replica_2');
  return instance;
}

const addUser = (db: Database, principalId: string) =>
  db.withTx((tx) => tx.insert(users).values({ email: `${principalId}@example.org`, name: 'Someone' }), {
    principalId,
  });
const count = async (db: Database, principalId: string) =>
  (await db.read(principalId)).$count(users, eq(users.email, `${principalId}@example.org`));

test('reads are spread over the replicas, and each counts for itself', async () => {
  const { db, reads } = await openReady();
  for (let i = 0; i < 200; i++) await (await db.read()).execute(sql`select 1`);
  expect(await reads('replica_1', 'none')).toBe(100);
  expect(await reads('replica_2', 'none')).toBe(100);
});

test('a busy replica is spared', async () => {
  const { db, next, valuesOf } = await openReady();
  const busy = await db.read();
  const other = await next();
  const held = Promise.all([1, 2, 3].map(() => busy.execute(sql`select pg_sleep(2)`)));
  const inUse = async () =>
    (await valuesOf('sv_db_pool_connections')).filter(
      ({ labels, value }) => labels['state'] === 'in_use' && value === 3,
    ).length;
  await expect.poll(inUse, SOON).toBe(1);
  for (let i = 0; i < 20; i++) expect(await next()).toBe(other);
  await held;
});

test('a caller reads their own write from the replica that has it, and from the primary while none has', async () => {
  const { db, next } = await openReady();
  await first.pauseReplay();
  await addUser(db, 'ada');
  await expect.poll(() => next('ada'), SOON).toBe('replica_2: caught_up');
  for (let i = 0; i < 20; i++) {
    expect(await next('ada')).toBe('replica_2: caught_up');
    expect(await count(db, 'ada')).toBe(1);
  }
  await second.pauseReplay();
  await addUser(db, 'bob');
  expect(await next('bob')).toBe('primary: recent_write');
  expect(await count(db, 'bob')).toBe(1);
  expect(await next('ada')).toBe('replica_2: caught_up');
  expect(await next('somebody')).toMatch(/^replica_[12]: none$/);
  await first.resumeReplay();
  await expect.poll(() => next('bob'), SOON).toBe('replica_1: caught_up');
});

test('one that is far behind is left out; when all are, the primary is read', async () => {
  const { db, next, usable, valuesOf } = await openReady({ replicaMaxLagSeconds: 1 });
  await first.pauseReplay();
  await addUser(db, 'ada');
  await expect.poll(() => usable('replica_1'), SOON).toBe(0);
  for (let i = 0; i < 10; i++) expect(await next()).toBe('replica_2: none');
  const lags = await valuesOf('sv_db_replica_lag_seconds');
  expect(lags.find(({ labels }) => labels['server'] === 'replica_1')?.value).toBeGreaterThan(1);
  await second.pauseReplay();
  await addUser(db, 'bob');
  await expect.poll(() => next('bob'), SOON).toBe('primary: lag');
  expect(await next()).toBe('primary: lag');
});

test('one that hangs fails no read, and the other takes its part', async () => {
  const { db, next, usable } = await openReady();
  await addUser(db, 'ada');
  await Promise.all([first.untilReplayed(), second.untilReplayed()]);
  const docker = await getContainerRuntimeClient();
  const container = docker.container.getById(first.server.container.getId());
  // Both have open connections.
  await Promise.all(Array.from({ length: 8 }, () => count(db, 'ada')));
  await container.pause();
  try {
    expect(await Promise.all(Array.from({ length: 8 }, () => count(db, 'ada')))).toEqual(Array(8).fill(1));
    await expect.poll(() => usable('replica_1'), SOON).toBe(0);
    for (let i = 0; i < 10; i++) expect(await next()).toBe('replica_2: none');
  } finally {
    await container.unpause();
  }
  await expect.poll(() => usable('replica_1'), SOON).toBe(1);
});

test('a URL that leads to the primary is none of a replica', async () => {
  const { next, usable, untilUsable } = await open({
    replicaUrls: [database.pooledUrl, second.url(database.name)],
  });
  await untilUsable('replica_2');
  for (let i = 0; i < 10; i++) expect(await next()).toBe('replica_2: none');
  expect(await usable('replica_1')).toBe(0);
});

test("another cluster's replica is not read, though it answers and is further in its log", async () => {
  const { secrets, network } = inject('databaseServers');
  const other = await startPrimary({ network, secrets });
  try {
    const { next, usable } = await open({
      primaryUrl: databaseUrl(other, 'sv_app', secrets.db_app_password, 'sv'),
    });
    // Long enough for both to have answered several times.
    const until = Date.now() + 3_000;
    while (Date.now() < until) expect(await next()).toBe('primary: down');
    expect(await usable('replica_1')).toBe(0);
  } finally {
    await other.container.stop();
  }
});

/** The last test, as it makes a primary of the first replica. */
test('after a failover no read goes to who follows the old primary, however far that is in its log', async () => {
  await first.untilReplayed();
  const before = await openReady();
  await first.admin.query('select pg_promote(true, 60)');
  const follower = await startTestReplica('replica_of_the_first', first.server);
  try {
    // The old primary goes on, and the second with it.
    const old = new pg.Client({ connectionString: database.adminUrl });
    await old.connect();
    await old.query(
      'create table email.lost as select i, repeat(md5(i::text), 10) as t from generate_series(1, 20000) i',
    );
    // Far past the new one: the copy that the follower was made of has begun a segment or two there.
    for (let segment = 0; segment < 4; segment += 1) {
      await old.query('select pg_current_xact_id()');
      await old.query('select pg_switch_wal()');
    }
    await old.end();
    await second.untilReplayed();

    // An app that still looks at the old primary: a primary is no replica.
    await expect.poll(() => before.usable('replica_1'), SOON).toBe(0);
    for (let i = 0; i < 10; i++) expect(await before.next()).toBe('replica_2: none');

    // One that looks at the new primary. Its writes lie at places in the log that the second has long passed.
    const after = await open({
      primaryUrl: first.url(database.name),
      replicaUrls: [second.url(database.name), follower.url(database.name)],
    });
    await addUser(after.db, 'ada');
    await after.untilUsable('replica_2');
    for (let i = 0; i < 50; i++) {
      expect(await after.next('ada')).not.toMatch(/^replica_1/);
      expect(await after.next()).not.toMatch(/^replica_1/);
      expect(await count(after.db, 'ada')).toBe(1);
    }
    expect(await after.usable('replica_1')).toBe(0);

    // Who follows the new primary has its writes.
    await expect.poll(() => after.next('ada'), SOON).toBe('replica_2: caught_up');
    expect(await count(after.db, 'ada')).toBe(1);
  } finally {
    await follower.stop();
  }
});
