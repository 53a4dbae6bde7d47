import { type Cache, cacheKey, createCache } from '@sv-sdk/cache';
import { lastTime, startFreezingProxy } from '@sv-sdk/cache/testing';
import {
  createDatabase,
  type Database,
  markStale,
  roles,
  staleCacheKeys,
  userRoles,
  users,
} from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createPermissionStore, type PermissionStore } from '@sv-sdk/permissions';
import { createLogger } from '@sv-sdk/telemetry';
import { and, eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { createWorkerMetrics } from './metrics.ts';
import { startStaleKeys } from './stale-keys.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let database: TestDatabase;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  database = await createTestDatabase();
  const mine = stack;
  mine.defer(() => database.drop());
  onTestFinished(() => mine.disposeAsync());
});

/** An instance of the platform: it publishes nothing by itself after a commit, as one that is killed doesn't. */
async function connect(url = inject('cacheUrl')): Promise<{
  db: Database;
  cache: Cache;
  permissions: PermissionStore;
  registry: Registry;
}> {
  const registry = new Registry();
  const cache = createCache({
    url,
    keyPrefix: `${database.name}:`,
    commandTimeoutMs: 1_000,
    logger,
    registry,
  });
  stack.defer(() => cache.close());
  const db = createDatabase({ primaryUrl: database.pooledUrl, poolMin: 0, poolMax: 4, logger, registry });
  stack.defer(() => db.close());
  await cache.whenTrusted();
  return { db, cache, permissions: createPermissionStore({ db, cache, registry }), registry };
}

function startLoop(instance: Awaited<ReturnType<typeof connect>>) {
  const metrics = createWorkerMetrics(instance.registry);
  const loop = startStaleKeys({ ...instance, metrics, logger });
  stack.defer(() => loop.stop());
  return loop;
}

const waiting = (db: Database) => db.write().$count(staleCacheKeys);

async function addManager(db: Database): Promise<string> {
  const [user] = await db
    .write()
    .insert(users)
    .values({ email: `${crypto.randomUUID()}@example.org`, name: 'Ada' })
    .returning();
  const [role] = await db.write().select().from(roles).where(eq(roles.name, 'manager'));
  if (user === undefined || role === undefined) throw new Error('there is no user or no role');
  await db.write().insert(userRoles).values({ userId: user.id, roleId: role.id });
  return user.id;
}

function revokeEverything(db: Database, userId: string) {
  return db.withTx(async (tx) => {
    await tx.delete(userRoles).where(and(eq(userRoles.userId, userId)));
    await markStale(tx, [cacheKey.permissions(userId)]);
  });
}

test('what a writer has committed and not published any more is published within a second', async () => {
  const [writer, reader, worker] = await Promise.all([connect(), connect(), connect()]);
  startLoop(worker);
  const userId = await addManager(writer.db);
  expect(await reader.permissions.permissionsOf(userId)).toContain('read:any:user');

  await revokeEverything(writer.db, userId);
  const start = performance.now();
  const lastHeldAt = await lastTime(
    start,
    async () => (await reader.permissions.permissionsOf(userId)).length > 0,
  );
  expect(lastHeldAt - start).toBeLessThan(1_000);
  await expect.poll(() => waiting(writer.db)).toBe(0);
});

test('what was rolled back makes nothing stale', async () => {
  const writer = await connect();
  const failed = writer.db.withTx(async (tx) => {
    await markStale(tx, ['user:1']);
    throw new Error('undone');
  });
  await expect(failed).rejects.toThrow('undone');
  expect(await waiting(writer.db)).toBe(0);
});

test('while the cache is away the rows wait, and say for how long; then they are published at once', async () => {
  const proxy = await startFreezingProxy(inject('cacheUrl'));
  const [writer, worker] = await Promise.all([connect(), connect(proxy.url)]);
  stack.defer(() => proxy.close());
  const userId = await addManager(writer.db);
  expect(await writer.permissions.permissionsOf(userId)).not.toEqual([]);
  proxy.freeze();
  startLoop(worker);
  await revokeEverything(writer.db, userId);
  // Tried more than once, and still there.
  await expect
    .poll(() => worker.registry.metrics())
    .toMatch(/{kind="permissions",tier="shared",result="error"} (?!1\n)\d/);
  await expect
    .poll(() => worker.registry.metrics())
    .toMatch(/\nsv_stale_cache_keys_oldest_seconds (?!0\n)[\d.]+\n/);
  expect(await waiting(writer.db)).toBe(1);

  proxy.thaw();
  await expect.poll(() => waiting(writer.db)).toBe(0);
  await expect.poll(() => writer.permissions.permissionsOf(userId)).toEqual([]);
  await expect.poll(() => worker.registry.metrics()).toContain('\nsv_stale_cache_keys_oldest_seconds 0\n');
});

test('many workers share the rows, and leave none', async () => {
  const workers = await Promise.all([connect(), connect(), connect()]);
  const [writer] = workers;
  const keys = Array.from({ length: 1_000 }, (_, index) => [`user:${index}`]);
  await writer?.db
    .write()
    .insert(staleCacheKeys)
    .values(keys.map((one) => ({ keys: one })));
  for (const key of keys.flat()) await writer?.cache.set(key, 'old', 60);
  for (const worker of workers) startLoop(worker);
  await expect.poll(async () => writer && (await waiting(writer.db))).toBe(0);
  const left = await Promise.all(keys.flat().map((key) => writer?.cache.get(key)));
  expect(left.every((value) => value === undefined)).toBe(true);
});
