import { createDatabase, type Database, emailSends } from '@sv-sdk/db';
import { createTestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { emailStats } from './stats.ts';

let db: Database;
beforeEach(async () => {
  const server = await createTestDatabase();
  db = createDatabase({
    primaryUrl: server.pooledUrl,
    poolMin: 0,
    poolMax: 2,
    logger: createLogger({ service: 'test', version: 'test', level: 'fatal' }),
    registry: new Registry(),
  });
  const opened = db;
  onTestFinished(async () => {
    await opened.close();
    await server.drop();
  });
});

const NONE = {
  accepted: 0,
  queued: 0,
  sent: 0,
  delivered: 0,
  bounced: 0,
  complained: 0,
  failed: 0,
  suppressed: 0,
  cancelled: 0,
  uncertain: 0,
  costUsd: 0,
};
const at = (text: string) => new Date(text);
const JANUARY = { from: at('2026-01-01T00:00:00Z'), until: at('2026-02-01T00:00:00Z') };

async function add(createdAt: string, emails: readonly Partial<typeof emailSends.$inferInsert>[]) {
  const rows = emails.map((email) => ({
    recipient: 'ada@example.org',
    template: 'notification',
    variables: {},
    createdAt: at(createdAt),
    ...email,
  }));
  await db.write().insert(emailSends).values(rows);
}

test('each email counts once, for its provider and the day on which it was accepted', async () => {
  const sentAt = at('2026-01-04T00:00:00Z');
  await add('2026-01-02T00:00:00Z', [
    { status: 'sent', provider: 'ses', sentAt },
    { status: 'delivered', provider: 'ses', sentAt },
    { status: 'bounced', provider: 'ses', sentAt },
    { status: 'delivered', provider: 'ses', sentAt, complainedAt: sentAt },
    { status: 'failed', provider: 'ses' },
    { status: 'sent', provider: 'smtp', sentAt, uncertainAt: sentAt },
  ]);
  await add('2026-01-02T23:59:59.999Z', [{ status: 'uncertain', provider: 'smtp', uncertainAt: sentAt }]);
  await add('2026-01-03T00:00:00Z', [
    { status: 'queued' },
    { status: 'suppressed' },
    { status: 'cancelled' },
  ]);
  // Outside of the period, on both sides.
  await add('2025-12-31T23:59:59.999Z', [{ status: 'sent', provider: 'ses', sentAt }]);
  await add('2026-02-01T00:00:00Z', [{ status: 'sent', provider: 'ses', sentAt }]);

  const { total, providers, days } = await emailStats(db.write(), JANUARY, { ses: 0.1 });
  const ses = {
    ...NONE,
    provider: 'ses',
    accepted: 5,
    sent: 4,
    delivered: 2,
    bounced: 1,
    complained: 1,
    failed: 1,
    costUsd: 0.0004,
  };
  const smtp = { ...NONE, provider: 'smtp', accepted: 2, sent: 1, uncertain: 2 };
  const none = { ...NONE, provider: null, accepted: 3, queued: 1, suppressed: 1, cancelled: 1 };
  expect(days).toEqual([
    { day: '2026-01-02', ...ses },
    { day: '2026-01-02', ...smtp },
    { day: '2026-01-03', ...none },
  ]);
  expect(providers).toEqual([none, ses, smtp]);
  expect(total).toEqual({
    accepted: 10,
    queued: 1,
    sent: 5,
    delivered: 2,
    bounced: 1,
    complained: 1,
    failed: 1,
    suppressed: 1,
    cancelled: 1,
    uncertain: 2,
    costUsd: 0.0004,
  });
});

test('days are those of UTC, whatever time zone the connection has', async () => {
  await add('2026-01-02T23:30:00Z', [{ status: 'queued' }]);
  await db.withTx(async (tx) => {
    await tx.execute("set local time zone 'Asia/Tokyo'");
    const { days } = await emailStats(tx, JANUARY, {});
    expect(days.map(({ day }) => day)).toEqual(['2026-01-02']);
  });
});

test('a period without emails is all zeros', async () => {
  expect(await emailStats(db.write(), JANUARY, {})).toEqual({ total: NONE, providers: [], days: [] });
});

test('costs are a sum to the millionth of a dollar: 30,000 by SES are $3', async () => {
  await db.write().execute(`
    insert into email.email_sends (id, recipient, template, variables, status, provider, created_at)
    select 'id' || n, 'a@example.org', 'notification', '{}', 'sent', 'ses', '2026-01-01'::timestamptz + n * interval '1 minute'
    from generate_series(0, 29999) n`);
  const { total, days } = await emailStats(db.write(), JANUARY, { ses: 0.1 });
  expect(total).toMatchObject({ sent: 30_000, costUsd: 3 });
  expect(days).toHaveLength(21);
  expect(days[0]).toMatchObject({ day: '2026-01-01', sent: 1440, costUsd: 0.144 });
});
