import {
  createDatabase,
  type Database,
  emailOutbox,
  emailSends,
  emailSuppressions,
  emailTemplates,
  emailWebhooks,
} from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { type EmailEventType, seedTemplates } from '@sv-sdk/email';
import { createLogger } from '@sv-sdk/telemetry';
import { and, eq, sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyBatch, startEventApplier } from './apply.ts';
import { createEventMetrics, type EventMetrics } from './metrics.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let database: TestDatabase;
let db: Database;
let registry: Registry;
let metrics: EventMetrics;
beforeEach(async () => {
  database = await createTestDatabase();
  registry = new Registry();
  metrics = createEventMetrics(registry);
  db = createDatabase({ primaryUrl: database.pooledUrl, poolMin: 0, poolMax: 5, logger, registry });
});
afterEach(async () => {
  await db.close();
  await database.drop();
});

type Email = typeof emailSends.$inferInsert;
type StoredEvent = typeof emailWebhooks.$inferInsert;

const HOUR_MS = 3_600_000;
const SENT_AT = new Date(Date.now() - 60_000);
const after = (seconds: number) => new Date(SENT_AT.getTime() + seconds * 1000);

/** Sent a minute ago, unless `changes` says otherwise; what has no end yet is in the outbox. */
async function addEmail(changes: Partial<Email> = {}): Promise<string> {
  const id = crypto.randomUUID();
  const email: Email = {
    id,
    recipient: 'Ada@example.org',
    template: 'notification',
    variables: { name: 'Ada' },
    status: 'sent',
    sentAt: SENT_AT,
    provider: 'ses',
    messageId: `message-${id}`,
    createdAt: after(-10),
    ...changes,
  };
  await db.write().insert(emailSends).values(email);
  if (email.status === 'queued') {
    await db.write().insert(emailOutbox).values({ emailSendId: id, priority: 5, dueAt: SENT_AT });
  }
  return id;
}

async function addEvent(
  type: EmailEventType,
  { detail, ...changes }: Partial<StoredEvent> & { detail?: string },
): Promise<string> {
  const id = crypto.randomUUID();
  await db
    .write()
    .insert(emailWebhooks)
    .values({
      id,
      provider: 'ses',
      eventId: id,
      eventType: type,
      occurredAt: after(5),
      payload: detail === undefined ? {} : { detail },
      ...changes,
    });
  return id;
}

const apply = () => applyBatch({ db, metrics });

async function emailOf(id: string) {
  const [row] = await db.write().select().from(emailSends).where(eq(emailSends.id, id));
  if (row === undefined) throw new Error(`there is no email ${id}`);
  return row;
}
async function eventOf(id: string) {
  const [row] = await db.write().select().from(emailWebhooks).where(eq(emailWebhooks.id, id));
  if (row === undefined) throw new Error(`there is no event ${id}`);
  return row;
}
const suppressions = () => db.write().select().from(emailSuppressions).orderBy(emailSuppressions.email);
const inOutbox = (id: string) => db.write().$count(emailOutbox, eq(emailOutbox.emailSendId, id));
const unprocessed = () => db.write().$count(emailWebhooks, sql`not processed`);

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((others) => [item, ...others]),
  );
}

const STORY = [
  { type: 'sent', occurredAt: after(1) },
  { type: 'delivered', occurredAt: after(2) },
  { type: 'hard_bounce', occurredAt: after(3), detail: 'no such user' },
  { type: 'complaint', occurredAt: after(4), detail: 'abuse' },
] as const;

describe.each([
  ['one after another', true],
  ['together', false],
])('sent, delivered, bounced and complained in every order, applied %s:', (_how, isOneByOne) => {
  test('one end, and never a step back', async () => {
    const orders = permutations(STORY);
    expect(orders).toHaveLength(24);
    const ids = await Promise.all(
      orders.map((_, index) => addEmail({ recipient: `ada${index}@example.org` })),
    );
    const RANK = ['sent', 'delivered', 'bounced'];
    const ranks = new Map<string, number>();
    for (const place of STORY.keys()) {
      for (const [index, order] of orders.entries()) {
        const { type, ...event } = order[place] ?? { type: 'sent' };
        await addEvent(type, { emailSendId: ids[index] ?? null, ...event });
      }
      if (isOneByOne) await apply();
      for (const id of ids) {
        const rank = RANK.indexOf((await emailOf(id)).status);
        expect(rank).toBeGreaterThanOrEqual(ranks.get(id) ?? 0);
        ranks.set(id, rank);
      }
    }
    await apply();
    for (const id of ids) {
      expect(await emailOf(id)).toMatchObject({
        status: 'bounced',
        sentAt: SENT_AT,
        deliveredAt: after(2),
        bouncedAt: after(3),
        complainedAt: after(4),
        errorMessage: 'no such user',
      });
    }
    expect(await suppressions()).toHaveLength(ids.length);
    expect(await unprocessed()).toBe(0);
  });
});

describe('an event finds its email', () => {
  test('by our own id, whatever else it says', async () => {
    const [id, other] = [await addEmail(), await addEmail({ messageId: 'm' })];
    const event = await addEvent('delivered', {
      emailSendId: id,
      messageId: 'm',
      recipient: 'x@example.org',
    });
    await apply();
    expect((await emailOf(id)).status).toBe('delivered');
    expect((await emailOf(other)).status).toBe('sent');
    expect(await eventOf(event)).toMatchObject({
      processed: true,
      emailSendId: id,
      processedAt: expect.any(Date),
    });
  });

  test('else by message id and recipient, in any case', async () => {
    const [ada, grace] = [
      await addEmail({ messageId: 'm', recipient: 'ada@example.org' }),
      await addEmail({ messageId: 'm', recipient: 'Grace@example.org' }),
    ];
    const event = await addEvent('delivered', { messageId: 'm', recipient: 'grace@Example.org' });
    await addEvent('delivered', { messageId: 'm', recipient: 'nobody@example.org' });
    await apply();
    expect((await emailOf(grace)).status).toBe('delivered');
    expect((await emailOf(ada)).status).toBe('sent');
    expect(await eventOf(event)).toMatchObject({ emailSendId: grace });
    expect(await unprocessed()).toBe(1);
  });

  test('that comes later, as its record is still on its way', async () => {
    const event = await addEvent('delivered', { messageId: 'm' });
    await apply();
    const { processed, applyAt, receivedAt } = await eventOf(event);
    expect(processed).toBe(false);
    expect(applyAt.getTime() - receivedAt.getTime()).toBeGreaterThanOrEqual(5_000);
    const id = await addEmail({ messageId: 'm' });
    expect(await apply()).toBe(0);
    await db.write().update(emailWebhooks).set({ applyAt: sql`now()` });
    await apply();
    expect((await emailOf(id)).status).toBe('delivered');
  });

  test('and no other: what bears our id is not looked for by anything else', async () => {
    const other = await addEmail({ messageId: 'm' });
    await addEvent('delivered', { emailSendId: 'gone', messageId: 'm' });
    await apply();
    expect((await emailOf(other)).status).toBe('sent');
  });

  test('or is given up after a day, counted, and harms nobody', async () => {
    const dayAgo = new Date(Date.now() - 25 * HOUR_MS);
    const foreign = await addEvent('hard_bounce', {
      messageId: 'm',
      recipient: 'ada@example.org',
      receivedAt: dayAgo,
    });
    const young = await addEvent('hard_bounce', { messageId: 'm', recipient: 'ada@example.org' });
    await apply();
    expect(await eventOf(foreign)).toMatchObject({ processed: true, emailSendId: null });
    expect(await eventOf(young)).toMatchObject({ processed: false });
    expect(await suppressions()).toEqual([]);
    expect(await registry.metrics()).toContain('sv_email_events_unmatched_total{provider="ses"} 1');
  });

  test('one that bears our id tells of an address even when its email is gone', async () => {
    const received = { receivedAt: new Date(Date.now() - 25 * HOUR_MS) };
    await addEvent('complaint', {
      emailSendId: crypto.randomUUID(),
      recipient: 'Ada@example.org',
      ...received,
    });
    await apply();
    expect(await suppressions()).toMatchObject([{ email: 'ada@example.org', reason: 'complaint' }]);
  });

  test('and many that nobody knows do not stand in the way', async () => {
    const nobodys = Array.from({ length: 1_200 }, (_, index) => ({
      provider: 'ses',
      eventId: `nobody-${index}`,
      eventType: 'delivered',
      messageId: `nobody-${index}`,
      payload: {},
    }));
    await db.write().insert(emailWebhooks).values(nobodys);
    const id = await addEmail();
    await addEvent('delivered', { emailSendId: id });
    expect([await apply(), await apply(), await apply(), await apply()]).toEqual([500, 500, 201, 0]);
    expect((await emailOf(id)).status).toBe('delivered');
  });
});

describe('an email whose record was lost', () => {
  test.each(['queued', 'failed', 'uncertain', 'cancelled', 'suppressed'] as const)(
    'is sent by the word of its provider, though it is %s by ours, and by nobody again',
    async (status) => {
      const id = await addEmail({
        status,
        sentAt: null,
        messageId: null,
        provider: null,
        claimedAt: SENT_AT,
        failedAt: status === 'failed' ? SENT_AT : null,
        errorMessage: 'the answer was lost',
        uncertainAt: SENT_AT,
      });
      await addEvent('sent', { emailSendId: id, provider: 'sendgrid', messageId: 'theirs' });
      await apply();
      expect(await emailOf(id)).toMatchObject({
        status: 'sent',
        sentAt: after(5),
        provider: 'sendgrid',
        messageId: 'theirs',
        claimedAt: null,
        failedAt: null,
        errorMessage: null,
        uncertainAt: SENT_AT,
      });
      expect(await inOutbox(id)).toBe(0);
    },
  );

  test('keeps no secret: its variables go with its end, as with any', async () => {
    await db.withTx((tx) => seedTemplates(tx));
    const idOf = async (name: string) => {
      const [row] = await db
        .write()
        .select({ id: emailTemplates.id })
        .from(emailTemplates)
        .where(and(eq(emailTemplates.name, name), eq(emailTemplates.locale, 'en')));
      return row?.id ?? null;
    };
    const [secret, open] = [
      await addEmail({ status: 'queued', templateId: await idOf('password_reset') }),
      await addEmail({ status: 'queued', templateId: await idOf('notification') }),
    ];
    for (const emailSendId of [secret, open]) await addEvent('delivered', { emailSendId });
    await apply();
    expect((await emailOf(secret)).variables).toEqual({});
    expect((await emailOf(open)).variables).toEqual({ name: 'Ada' });
  });
});

describe('nothing is sent any more to an address', () => {
  test.each([
    ['hard_bounce', 'bounce'],
    ['complaint', 'complaint'],
    ['soft_bounce', undefined],
    ['dropped', undefined],
    ['deferred', undefined],
  ] as const)('after %s: %s', async (type, reason) => {
    const id = await addEmail();
    await addEvent(type, { emailSendId: id, detail: 'why', recipient: 'rewritten@example.org' });
    await apply();
    const expected = { email: 'ada@example.org', reason, detail: 'why', emailSendId: id, createdBy: null };
    expect(await suppressions()).toMatchObject(reason === undefined ? [] : [expected]);
  });

  test('once, and the first word stands', async () => {
    await db.write().insert(emailSuppressions).values({ email: 'ada@example.org', reason: 'manual' });
    const ids = [await addEmail(), await addEmail()];
    for (const emailSendId of ids) {
      await addEvent('hard_bounce', { emailSendId });
      await addEvent('complaint', { emailSendId });
    }
    await apply();
    expect(await suppressions()).toMatchObject([{ reason: 'manual' }]);
    expect(await registry.metrics()).not.toContain('sv_email_suppressions_added_total{');
  });
});

test('moments are within reason, whatever a clock says', async () => {
  const [early, late, none] = [await addEmail(), await addEmail(), await addEmail()];
  await addEvent('delivered', { emailSendId: early, occurredAt: new Date(0) });
  const future = await addEvent('delivered', { emailSendId: late, occurredAt: new Date('2190-01-01') });
  const undated = await addEvent('delivered', { emailSendId: none, occurredAt: null });
  await apply();
  expect((await emailOf(early)).deliveredAt).toEqual(after(-10));
  expect((await emailOf(late)).deliveredAt).toEqual((await eventOf(future)).receivedAt);
  expect((await emailOf(none)).deliveredAt).toEqual((await eventOf(undated)).receivedAt);
});

test('several workers share the events, and each is applied once', async () => {
  const ids: string[] = [];
  for (let index = 0; index < 50; index += 1) ids.push(await addEmail());
  // All of an email's in different batches.
  for (const type of ['delivered', 'hard_bounce', 'complaint'] as const) {
    for (let round = 0; round < 8; round += 1) {
      await Promise.all(ids.map((emailSendId) => addEvent(type, { emailSendId })));
    }
  }
  const loops = Array.from({ length: 4 }, () => startEventApplier({ db, metrics, logger }));
  await expect.poll(unprocessed).toBe(0);
  await Promise.all(loops.map((loop) => loop.stop()));
  for (const id of ids) expect((await emailOf(id)).status).toBe('bounced');
  const applied = await registry.getSingleMetric('sv_email_events_applied_total')?.get();
  expect(applied?.values.reduce((sum, { value }) => sum + value, 0)).toBe(50 * 24);
});

test('an email that somebody else changes at this moment is waited for, and goes on from there', async () => {
  const id = await addEmail();
  await addEvent('delivered', { emailSendId: id });
  const { applying } = await db.withTx(async (tx) => {
    await tx
      .update(emailSends)
      .set({ status: 'bounced', bouncedAt: after(3) })
      .where(eq(emailSends.id, id));
    const applying = apply();
    await expect.poll(waitingForLocks).toBe(1);
    return { applying };
  });
  expect(await applying).toBe(1);
  expect(await emailOf(id)).toMatchObject({ status: 'bounced', bouncedAt: after(3), deliveredAt: after(5) });
});

test('a turn that fails leaves the events, and their age grows', async () => {
  const id = await addEmail();
  const event = await addEvent('delivered', { emailSendId: id, applyAt: new Date(Date.now() - HOUR_MS / 6) });
  const broken: Database = {
    ...db,
    withTx: () => Promise.reject(new Error('the database went away')),
  };
  await expect(applyBatch({ db: broken, metrics })).rejects.toThrow('went away');
  const age = async () =>
    Number(/^sv_email_events_oldest_seconds (\S+)$/m.exec(await registry.metrics())?.[1]);
  expect(await age()).toBeGreaterThanOrEqual(599);
  await apply();
  expect(await age()).toBe(0);
  expect(await eventOf(event)).toMatchObject({ processed: true });
});

test('a look costs what is due, not what there is: with 50,000 events and as many emails', async () => {
  await db.write().execute(sql`
    insert into email.email_sends (id, recipient, template, variables, status, message_id)
    select 'e' || i, 'a@example.org', 't', '{}', 'sent', 'm' || i from generate_series(1, 50000) i`);
  await db.write().execute(sql`
    insert into email.email_webhooks (id, provider, event_id, event_type, payload, processed, apply_at)
    select 'w' || i, 'ses', 'w' || i, 'delivered', '{}', i % 2 = 0, now() + interval '1 hour'
    from generate_series(1, 50000) i`);
  for (let index = 1; index <= 500; index += 1) {
    await addEvent('delivered', index % 2 === 0 ? { emailSendId: `e${index}` } : { messageId: `m${index}` });
  }
  await analyze();
  const before = await scans();
  expect(await apply()).toBe(500);
  expect(await apply()).toBe(0);
  expect(await unprocessed()).toBe(25_000);
  expect(await scans()).toEqual(before);
});

/** Rows that were read by walking over whole tables. */
async function scans(): Promise<unknown> {
  await db.write().execute(sql`select pg_stat_force_next_flush()`);
  const { rows } = await db.write().execute(sql`
    select relname, seq_tup_read from pg_stat_user_tables where relname = 'email_sends'`);
  return rows;
}

async function waitingForLocks(): Promise<number | undefined> {
  const { rows } = await db.write().execute<{ waiting: number }>(sql`
    select count(*)::int as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`);
  return rows[0]?.waiting;
}

/** As autovacuum does; only the owner of a table may. */
async function analyze(): Promise<void> {
  const primaryUrl = database.directUrl;
  const owner = createDatabase({ primaryUrl, poolMin: 0, poolMax: 1, logger, registry: new Registry() });
  await owner.write().execute(sql`analyze email.email_sends, email.email_webhooks`);
  await owner.close();
}
