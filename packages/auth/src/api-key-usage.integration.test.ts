import { apiKeys, createDatabase, type Database } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiKeyUsage, createApiKeyUsage } from './api-key-usage.ts';
import { createApiKey } from './api-keys.ts';
import { insertUser } from './users.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });
const LONG_MS = 3_600_000;

let database: TestDatabase;
let db: Database;
let usage: ApiKeyUsage;

beforeEach(async () => {
  database = await createTestDatabase();
  db = createDatabase({
    primaryUrl: database.pooledUrl,
    poolMin: 0,
    poolMax: 5,
    logger,
    registry: new Registry(),
  });
});
afterEach(async () => {
  await usage.close();
  await db.close();
  await database.drop();
});

async function addKeys(count: number): Promise<string[]> {
  return db.withTx(async (tx) => {
    const user = await insertUser(tx, {
      email: `${crypto.randomUUID()}@example.org`,
      name: 'Ada',
      role: 'user',
      grantedBy: null,
    });
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const { row } = await createApiKey(tx, {
        userId: user?.id ?? '',
        name: `key ${index}`,
        scopes: null,
        expiresAt: null,
      });
      ids.push(row.id);
    }
    return ids;
  });
}
const lastUseOf = async (id = '') =>
  (await db.write().select().from(apiKeys).where(eq(apiKeys.id, id)))[0]?.lastUsedAt ?? null;

test('the uses of many keys are written together, and what is left at the close', async () => {
  const ids = await addKeys(50);
  const [unused = '', ...used] = ids;
  usage = createApiKeyUsage({ db, logger, intervalMs: LONG_MS });
  for (let round = 0; round < 10; round += 1) for (const id of used) usage.touch(id);
  usage.touch('a key that is gone');
  expect(await lastUseOf(used[0])).toBeNull();
  await usage.close();
  for (const id of used)
    expect(Math.abs(Date.now() - ((await lastUseOf(id))?.getTime() ?? 0))).toBeLessThan(60_000);
  expect(await lastUseOf(unused)).toBeNull();
});

test('a use is written within the interval', async () => {
  const [id = ''] = await addKeys(1);
  usage = createApiKeyUsage({ db, logger, intervalMs: 10 });
  usage.touch(id);
  await expect.poll(() => lastUseOf(id)).not.toBeNull();
});

test('a row is written once a minute, however often its key is used', async () => {
  const [young = '', old = ''] = await addKeys(2);
  const [recently, longAgo] = [new Date(Date.now() - 20_000), new Date(Date.now() - 70_000)];
  await db.write().update(apiKeys).set({ lastUsedAt: recently }).where(eq(apiKeys.id, young));
  await db.write().update(apiKeys).set({ lastUsedAt: longAgo }).where(eq(apiKeys.id, old));
  usage = createApiKeyUsage({ db, logger, intervalMs: LONG_MS });
  for (const id of [young, old]) usage.touch(id);
  await usage.close();
  expect(await lastUseOf(young)).toEqual(recently);
  expect((await lastUseOf(old))?.getTime()).toBeGreaterThan(recently.getTime());
});

test('a database that fails loses no use', async () => {
  const [id = ''] = await addKeys(1);
  let isAway = true;
  let failures = 0;
  const flaky: Database = {
    ...db,
    write: () => {
      if (!isAway) return db.write();
      failures += 1;
      throw new Error('away');
    },
  };
  usage = createApiKeyUsage({ db: flaky, logger, intervalMs: 5 });
  usage.touch(id);
  await expect.poll(() => failures).toBeGreaterThan(2);
  isAway = false;
  await expect.poll(() => lastUseOf(id)).not.toBeNull();
});

test('a row that somebody else is writing is left to them, and holds up no other', async () => {
  const [held = '', free = ''] = await addKeys(2);
  usage = createApiKeyUsage({ db, logger, intervalMs: LONG_MS });
  for (const id of [held, free]) usage.touch(id);
  await db.withTx(async (tx) => {
    await tx.update(apiKeys).set({ name: 'being changed' }).where(eq(apiKeys.id, held));
    await usage.close();
    expect(await lastUseOf(free)).not.toBeNull();
  });
  expect(await lastUseOf(held)).toBeNull();
});
