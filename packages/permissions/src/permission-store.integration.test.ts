import { type Cache, cacheKey, createCache } from '@sv-sdk/cache';
import { createDatabase, type Database, migrate, roles, staleCacheKeys, userRoles, users } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { createPermissionStore, type PermissionStore } from './permission-store.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let server: TestDatabase;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  const mine = new AsyncDisposableStack();
  stack = mine;
  onTestFinished(() => mine.disposeAsync());
  const database = await createTestDatabase();
  mine.defer(() => database.drop());
  server = database;
});

interface Instance {
  readonly db: Database;
  readonly cache: Cache;
  readonly store: PermissionStore;
  readonly metrics: () => Promise<string>;
}

async function connect(databaseUrl = server.pooledUrl): Promise<Instance> {
  const registry = new Registry();
  const cache = createCache({
    url: inject('cacheUrl'),
    keyPrefix: `${server.name}:`,
    commandTimeoutMs: 5_000,
    logger,
    registry,
  });
  stack.defer(() => cache.close());
  const db = createDatabase({
    primaryUrl: databaseUrl,
    poolMin: 0,
    poolMax: 4,
    logger,
    registry,
    onStaleKeys: async (keys) => {
      await cache.publish(keys);
    },
  });
  stack.defer(() => db.close());
  await cache.whenTrusted();
  return {
    db,
    cache,
    store: createPermissionStore({ db, cache, registry }),
    metrics: () => registry.metrics(),
  };
}

async function addRole({ db }: Instance, permissions: string[]): Promise<string> {
  const [role] = await db
    .write()
    .insert(roles)
    .values({ name: crypto.randomUUID(), permissions })
    .returning();
  if (role === undefined) throw new Error('there is no role');
  return role.id;
}

async function addUser({ db }: Instance, roleIds: readonly string[]): Promise<string> {
  const [user] = await db
    .write()
    .insert(users)
    .values({ email: `${crypto.randomUUID()}@example.org`, name: 'Ada' })
    .returning();
  if (user === undefined) throw new Error('there is no user');
  for (const roleId of roleIds) await db.write().insert(userRoles).values({ userId: user.id, roleId });
  return user.id;
}

test('what all roles of a user give, each permission once; nothing without roles', async () => {
  const instance = await connect();
  const first = await addRole(instance, ['read:any:user', 'read:any:role']);
  const second = await addRole(instance, ['read:any:role', 'update:own:user']);
  const userId = await addUser(instance, [first, second]);
  const expected = ['read:any:role', 'read:any:user', 'update:own:user'];
  for (const look of [instance.store.permissionsOf, instance.store.currentPermissionsOf]) {
    expect((await look(userId)).toSorted()).toEqual(expected);
    expect(await look(await addUser(instance, []))).toEqual([]);
    expect(await look('nobody')).toEqual([]);
  }
});

test('the roles of a user and what a role gives stand under the keys of the contract', async () => {
  const instance = await connect();
  const roleId = await addRole(instance, ['read:any:user']);
  const userId = await addUser(instance, [roleId]);
  await instance.store.permissionsOf(userId);
  expect(await instance.cache.get(`permissions:${userId}`)).toEqual([roleId]);
  expect(await instance.cache.get(`role:${roleId}`)).toEqual(['read:any:user']);
});

test.each([{ isActive: false }, { deletedAt: new Date() }])(
  'a user with %j may do nothing, and as soon as that is over what they could before',
  async (state) => {
    const instance = await connect();
    const userId = await addUser(instance, [await addRole(instance, ['read:any:user'])]);
    const set = (values: Partial<typeof users.$inferInsert>) =>
      instance.db.write().update(users).set(values).where(eq(users.id, userId));
    await set(state);
    expect(await instance.store.permissionsOf(userId)).toEqual([]);
    await set({ isActive: true, deletedAt: null });
    expect(await instance.store.permissionsOf(userId)).toEqual(['read:any:user']);
  },
);

test('a role that is gone gives nothing, whoever is still said to have it', async () => {
  const instance = await connect();
  await instance.cache.set(cacheKey.permissions('somebody'), ['no-such-role'], 60);
  expect(await instance.store.permissionsOf('somebody')).toEqual([]);
});

test('garbage in the cache is not a permission', async () => {
  const instance = await connect();
  const roleId = await addRole(instance, ['read:own:user']);
  const userId = await addUser(instance, [roleId]);
  await instance.cache.set(cacheKey.permissions(userId), { 0: 'x' }, 60);
  await instance.cache.set(cacheKey.role(roleId), '*:*:*', 60);
  expect(await instance.store.permissionsOf(userId)).toEqual(['read:own:user']);
});

test('without the database, what is not in the cache fails: nothing is guessed', async () => {
  const instance = await connect();
  const roleId = await addRole(instance, ['read:any:user']);
  const userId = await addUser(instance, [roleId]);
  const cut = await connect('postgres://sv_app@127.0.0.1:1/sv');
  await expect(cut.store.permissionsOf(userId)).rejects.toThrow();
  // Half of it in the cache is not enough.
  await instance.cache.set(cacheKey.permissions(userId), [roleId], 60);
  await expect(cut.store.permissionsOf(userId)).rejects.toThrow();
  // What another instance has loaded is good for this one.
  expect(await instance.store.permissionsOf(userId)).toEqual(['read:any:user']);
  expect(await cut.store.permissionsOf(userId)).toEqual(['read:any:user']);
});

test('current permissions are right before the message of a change has arrived', async () => {
  const [writer, reader] = await Promise.all([connect(), connect()]);
  const roleId = await addRole(writer, ['read:any:user']);
  const userId = await addUser(writer, [roleId]);
  await reader.store.permissionsOf(userId);
  await writer.db.write().update(roles).set({ permissions: [] }).where(eq(roles.id, roleId));
  // The first half of publishing; the second, the message, is still on its way.
  await writer.cache.del(cacheKey.role(roleId));
  expect(await reader.store.permissionsOf(userId)).toEqual(['read:any:user']);
  expect(await reader.store.currentPermissionsOf(userId)).toEqual([]);
});

test('warmed roles are in memory before anybody asks', async () => {
  const instance = await connect();
  const [manager] = await instance.db.write().select().from(roles).where(eq(roles.name, 'manager'));
  if (manager === undefined) throw new Error('there is no manager');
  expect(await instance.store.warm()).toBeGreaterThanOrEqual(4);
  const userId = await addUser(instance, [manager.id]);
  await instance.store.permissionsOf(userId);
  expect(await instance.metrics()).toContain(
    'sv_cache_requests_total{kind="role",tier="local",result="hit"} 1',
  );
});

test('a migration that changes a seeded role makes it stale, one that changes nothing does not', async () => {
  const { db } = await connect();
  const [manager] = await db.write().select().from(roles).where(eq(roles.name, 'manager'));
  if (manager === undefined) throw new Error('there is no manager');
  const marked = async () => (await db.write().select().from(staleCacheKeys)).flatMap(({ keys }) => keys);
  await migrate(server.directUrl, { logger });
  expect(await marked()).toEqual([]);
  await db
    .write()
    .update(roles)
    .set({ permissions: ['*:*:*'] })
    .where(eq(roles.id, manager.id));
  await migrate(server.directUrl, { logger });
  expect(await marked()).toEqual([cacheKey.role(manager.id)]);
});
