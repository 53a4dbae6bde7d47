import { createDatabase, type Database } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUSEKEEPING_KINDS, startHousekeeping, tidyUp } from './housekeeping.ts';
import { createHousekeepingMetrics, type HousekeepingMetrics } from './metrics.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let database: TestDatabase;
let db: Database;
let registry: Registry;
let metrics: HousekeepingMetrics;

beforeEach(async () => {
  database = await createTestDatabase();
  registry = new Registry();
  metrics = createHousekeepingMetrics(registry);
  db = createDatabase({ primaryUrl: database.pooledUrl, poolMin: 0, poolMax: 5, logger, registry });
  await db
    .write()
    .execute(sql`insert into auth.users (id, email, name) values ('u', 'ada@example.org', 'Ada')`);
});
afterEach(async () => {
  await db.close();
  await database.drop();
});

/** For each kind rows that are over, and rows that are not, which are named `kept…`. */
async function addRows(over: number): Promise<void> {
  const statements = [
    sql`insert into auth.sessions (id, user_id, token, expires_at)
      select 's' || i, 'u', 'over' || i, now() - interval '1 second' from generate_series(1, ${over}) i
      union all select 'kept', 'u', 'kept', now() + interval '1 minute'`,
    sql`insert into auth.verifications (id, identifier, value, expires_at)
      select 'v' || i, 'over' || i, 'over' || i, now() - interval '1 second' from generate_series(1, ${over}) i
      union all select 'kept', 'kept', 'kept', now() + interval '1 minute'`,
    sql`insert into auth.idempotency_keys (principal_id, key, request_hash, expires_at)
      select 'u', 'over' || i, 'x', now() - interval '1 second' from generate_series(1, ${over}) i
      union all select 'u', 'kept', 'x', now() + interval '1 minute'`,
    sql`insert into auth.login_attempts (identifier, failures, window_started_at, locked_until)
      select 'over' || i, 1, now() - interval '49 hours', now() - interval '1 day' from generate_series(1, ${over}) i
      union all select 'kept, young', 1, now() - interval '47 hours', null
      union all select 'kept, locked', 11, now() - interval '49 hours', now() + interval '1 minute'`,
    sql`insert into auth.mail_limits (identifier, mails, window_started_at)
      select 'over' || i, 1, now() - interval '49 hours' from generate_series(1, ${over}) i
      union all select 'kept', 1, now() - interval '47 hours'`,
  ];
  for (const statement of statements) await db.write().execute(statement);
}

async function counts(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const kind of HOUSEKEEPING_KINDS) {
    const { rows } = await db
      .write()
      .execute<{ rows: number }>(sql`select count(*)::int as rows from ${sql.raw(`auth.${kind}`)}`);
    found[kind] = rows[0]?.rows ?? -1;
  }
  return found;
}

const KEPT = { sessions: 1, verifications: 1, idempotency_keys: 1, login_attempts: 2, mail_limits: 1 };

test('what is over is removed, what is not stays, and both are counted', async () => {
  await addRows(3);
  const before = Date.now() / 1000;
  expect(await tidyUp({ db, metrics })).toBe('done');
  expect(await counts()).toEqual(KEPT);
  const removed = await registry.getSingleMetric('sv_housekeeping_removed_rows_total')?.get();
  expect(removed?.values.map(({ labels, value }) => [labels['kind'], value])).toEqual(
    HOUSEKEEPING_KINDS.map((kind) => [kind, 3]),
  );
  const success = await registry.getSingleMetric('sv_housekeeping_last_success_timestamp_seconds')?.get();
  expect(success?.values[0]?.value).toBeGreaterThanOrEqual(Math.floor(before));
});

test('many rows go in batches, turn after turn', async () => {
  await addRows(25);
  const options = { db, metrics, batchRows: 10 };
  expect(await tidyUp(options)).toBe('more');
  expect(await counts()).toMatchObject({ sessions: 16, login_attempts: 17 });
  const loop = startHousekeeping({ ...options, logger });
  await expect.poll(counts).toEqual(KEPT);
  await loop.stop();
});

test('one worker at a time does it, and the others do not wait', async () => {
  await addRows(1);
  await db.withTx(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(7301002)`);
    expect(await tidyUp({ db, metrics })).toBe('busy');
    expect(await counts()).toMatchObject({ sessions: 2 });
  });
  expect(await tidyUp({ db, metrics })).toBe('done');
});

test('a row that is being written is left for the next time', async () => {
  await addRows(1);
  await db.withTx(async (tx) => {
    await tx.execute(sql`update auth.login_attempts set failures = 2 where identifier = 'over1'`);
    expect(await tidyUp({ db, metrics })).toBe('done');
  });
  expect(await counts()).toEqual({ ...KEPT, login_attempts: 3 });
});
