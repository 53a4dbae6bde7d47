import { hashApiKey } from '@sv-sdk/auth';
import { migrate } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seedLoadTestCaller } from './load-test-caller.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });
const KEY = `sv_${'0123456789abcdef'.repeat(3)}`;

let database: TestDatabase;
let admin: pg.Client;
beforeEach(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
});
afterEach(async () => {
  await admin.end();
  await database.drop();
});

const migrateWith = (rateLimitPerMinute: number, apiKey = KEY) =>
  migrate(database.directUrl, {
    logger,
    seeds: [seedLoadTestCaller({ apiKey, rateLimitPerMinute, logger })],
  });

async function facts() {
  const { rows } = await admin.query(
    `select (select jsonb_object_agg(prefix, rate_limit_per_minute) from auth.api_keys) as limits,
            (select jsonb_agg(event_type order by created_at, id) from audit.audit_logs) as audit,
            (select jsonb_agg(keys) from auth.stale_cache_keys where keys[1] like 'api_key:%') as stale`,
  );
  return rows[0];
}
const prefix = KEY.slice(0, 10);

test('a changed limit is that of the key after the next migration, cached or not; an unchanged one writes nothing', async () => {
  await migrateWith(1_000);
  await migrateWith(1_000);
  expect(await facts()).toEqual({ limits: { [prefix]: 1_000 }, audit: ['api_key.created'], stale: null });
  await migrateWith(2_000);
  expect(await facts()).toEqual({
    limits: { [prefix]: 2_000 },
    audit: ['api_key.created', 'api_key.rate_limit_changed'],
    stale: [[`api_key:${hashApiKey(KEY)}`]],
  });
});

test('a key from before there were limits gets one', async () => {
  await migrateWith(1_000);
  await admin.query('update auth.api_keys set rate_limit_per_minute = null');
  await migrateWith(1_000);
  expect((await facts()).limits).toEqual({ [prefix]: 1_000 });
});

test('the key that a new one replaces is refused at once: the cache is told', async () => {
  await migrateWith(1_000);
  await migrateWith(1_000, `sv_${'f'.repeat(48)}`);
  expect((await facts()).stale).toEqual([[`api_key:${hashApiKey(KEY)}`]]);
});
