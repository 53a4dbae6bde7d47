import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database } from './database.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';

const POOL_MAX = 4;
/** Nobody listens there. */
const AWAY = 'postgres://sv_app:none@127.0.0.1:1/sv';

let database: TestDatabase;
const opened: Database[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
  await database.drop();
});

function open(urls: { primaryUrl: string; replicaUrls?: string[] }) {
  const registry = new Registry();
  const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
  const db = createDatabase({ ...urls, poolMin: 0, poolMax: POOL_MAX, logger, registry });
  opened.push(db);
  const connections = async (pool: string, state: string) => {
    const { values } = (await registry.getSingleMetric('sv_db_pool_connections')?.get()) ?? { values: [] };
    return values.find(({ labels }) => labels['pool'] === pool && labels['state'] === state)?.value;
  };
  return { db, connections };
}

test('every connection that there may be is open before anybody needs one, and free', async () => {
  const { db, connections } = open({ primaryUrl: database.pooledUrl });
  expect(await connections('primary', 'idle')).toBe(0);
  expect(await db.warm()).toBe(POOL_MAX);
  expect(await connections('primary', 'idle')).toBe(POOL_MAX);
  expect(await connections('primary', 'in_use')).toBe(0);
});

test('a replica that is away keeps nobody from the primary', async () => {
  const { db, connections } = open({ primaryUrl: database.pooledUrl, replicaUrls: [AWAY] });
  expect(await db.warm()).toBe(POOL_MAX);
  expect(await connections('primary', 'idle')).toBeGreaterThanOrEqual(POOL_MAX - 1);
});

test('a primary that is away is told of, and holds nothing', async () => {
  const { db, connections } = open({ primaryUrl: AWAY });
  await expect(db.warm()).rejects.toThrow('ECONNREFUSED');
  expect(await connections('primary', 'in_use')).toBe(0);
});
