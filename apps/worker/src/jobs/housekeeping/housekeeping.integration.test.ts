import { createDatabase, type Database } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUSEKEEPING_LOCK, type HousekeepingOptions, startHousekeeping, tidyUp } from './housekeeping.ts';
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

const KINDS = ['sessions', 'verifications', 'idempotency_keys', 'login_attempts', 'mail_limits'];
const RETENTION_DAYS = 90;

const options = (more: Partial<HousekeepingOptions> = {}): HousekeepingOptions => ({
  db,
  metrics,
  emailRetentionDays: RETENTION_DAYS,
  ...more,
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
  for (const kind of KINDS) {
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
  expect(await tidyUp(options())).toBe('done');
  expect(await counts()).toEqual(KEPT);
  const removed = await registry.getSingleMetric('sv_housekeeping_removed_rows_total')?.get();
  expect(removed?.values.map(({ labels, value }) => [labels['kind'], value])).toEqual([
    ...KINDS.map((kind) => [kind, 3]),
    ['email_attachments', 0],
    ['email_sends', 0],
    ['email_webhooks', 0],
  ]);
  const success = await registry.getSingleMetric('sv_housekeeping_last_success_timestamp_seconds')?.get();
  expect(success?.values[0]?.value).toBeGreaterThanOrEqual(Math.floor(before));
});

test('many rows go in batches, turn after turn', async () => {
  await addRows(25);
  const inTens = options({ batchRows: 10 });
  expect(await tidyUp(inTens)).toBe('more');
  expect(await counts()).toMatchObject({ sessions: 16, login_attempts: 17 });
  const loop = startHousekeeping({ ...inTens, logger });
  await expect.poll(counts).toEqual(KEPT);
  await loop.stop();
});

test('one worker at a time does it, and the others do not wait', async () => {
  await addRows(1);
  await db.withTx(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${HOUSEKEEPING_LOCK})`);
    expect(await tidyUp(options())).toBe('busy');
    expect(await counts()).toMatchObject({ sessions: 2 });
  });
  expect(await tidyUp(options())).toBe('done');
});

test('a row that is being written is left for the next time', async () => {
  await addRows(1);
  await db.withTx(async (tx) => {
    await tx.execute(sql`update auth.login_attempts set failures = 2 where identifier = 'over1'`);
    expect(await tidyUp(options())).toBe('done');
  });
  expect(await counts()).toEqual({ ...KEPT, login_attempts: 3 });
});

/** Emails by name: what they are, and how many days ago they were accepted and last touched. */
async function addEmails(
  emails: Readonly<Record<string, { status: string; createdDays: number; updatedDays: number }>>,
): Promise<void> {
  for (const [id, { status, createdDays, updatedDays }] of Object.entries(emails)) {
    await db.write().execute(sql`
      with sent as (
        insert into email.email_sends (id, recipient, template, variables, status, created_at, updated_at)
        values (${id}, 'ada@example.org', 'notification', '{}', ${status}::email.email_status,
          now() - ${createdDays}::int * interval '1 day', now() - ${updatedDays}::int * interval '1 day')
        returning id
      ), attempted as (
        insert into email.email_attempts (email_send_id, number, started_at, outcome)
        select id, 1, now(), 'sent' from sent
      ), queued as (
        insert into email.email_outbox (email_send_id, priority, due_at)
        select id, 5, now() from sent where ${status} = 'queued'
      )
      insert into email.email_attachments (id, email_send_id, position, filename, content_type, content)
      select id, id, 0, 'a.txt', 'text/plain', 'x' from sent`);
  }
}

async function idsOf(table: string, column: string): Promise<unknown[]> {
  const { rows } = await db
    .write()
    .execute(sql`select ${sql.identifier(column)} as id from email.${sql.identifier(table)} order by 1`);
  return rows.map(({ id }) => id);
}

const old = { createdDays: 91, updatedDays: 91 };

test('emails that have an end go after the retention with all that is theirs; one without never does', async () => {
  await addEmails({
    'over-sent': { status: 'sent', ...old },
    'over-failed': { status: 'failed', ...old },
    'over-cancelled': { status: 'cancelled', ...old },
    'kept-queued': { status: 'queued', ...old },
    'kept-touched': { status: 'failed', createdDays: 91, updatedDays: 89 },
    'kept-young': { status: 'failed', createdDays: 89, updatedDays: 89 },
  });
  expect(await tidyUp(options())).toBe('done');
  const kept = ['kept-queued', 'kept-touched', 'kept-young'];
  expect(await idsOf('email_sends', 'id')).toEqual(kept);
  expect(await idsOf('email_attempts', 'email_send_id')).toEqual(kept);
  expect(await idsOf('email_attachments', 'email_send_id')).toEqual(kept);
  expect(await idsOf('email_outbox', 'email_send_id')).toEqual(['kept-queued']);
});

test('attachments go with the end of their email; what can be replayed keeps them', async () => {
  const young = { createdDays: 0, updatedDays: 0 };
  const statuses = [
    'queued',
    'sent',
    'delivered',
    'bounced',
    'failed',
    'suppressed',
    'cancelled',
    'uncertain',
  ];
  await addEmails(Object.fromEntries(statuses.map((status) => [status, { status, ...young }])));
  expect(await tidyUp(options())).toBe('done');
  expect(await idsOf('email_attachments', 'email_send_id')).toEqual(['failed', 'queued', 'uncertain']);
  expect(await idsOf('email_sends', 'id')).toEqual(statuses.toSorted());
});

test('events of providers go after the retention; one that was never applied stays to be seen', async () => {
  await db.write().execute(sql`
    insert into email.email_webhooks (id, provider, event_id, event_type, payload, processed, received_at) values
      ('over', 'ses', '1', 'delivered', '{}', true, now() - interval '91 days'),
      ('kept', 'ses', '2', 'delivered', '{}', true, now() - interval '89 days'),
      ('kept, not applied', 'ses', '3', 'delivered', '{}', false, now() - interval '91 days')`);
  expect(await tidyUp(options())).toBe('done');
  expect(await idsOf('email_webhooks', 'id')).toEqual(['kept', 'kept, not applied']);
});

test('a retention of 0 keeps every email', async () => {
  await addEmails({ 'kept-sent': { status: 'sent', createdDays: 9_999, updatedDays: 9_999 } });
  expect(await tidyUp(options({ emailRetentionDays: 0 }))).toBe('done');
  expect(await idsOf('email_sends', 'id')).toEqual(['kept-sent']);
});
