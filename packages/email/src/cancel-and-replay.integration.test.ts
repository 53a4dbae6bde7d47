import { createDatabase, type Database, emailOutbox, emailSends } from '@sv-sdk/db';
import { createTestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { cancelEmail } from './cancel.ts';
import { REPLAYABLE_STATUSES, type ReplayFilter, replayEmail, replayEmails } from './replay.ts';

type NewEmail = Partial<typeof emailSends.$inferInsert>;

let db: Database;
beforeEach(async () => {
  const server = await createTestDatabase();
  db = createDatabase({
    primaryUrl: server.pooledUrl,
    poolMin: 0,
    poolMax: 5,
    logger: createLogger({ service: 'test', version: 'test', level: 'fatal' }),
    registry: new Registry(),
  });
  const opened = db;
  onTestFinished(async () => {
    await opened.close();
    await server.drop();
  });
});

/** Emails in this state; those that are queued stand in the outbox. */
async function add(...emails: NewEmail[]): Promise<string[]> {
  const rows = emails.map((email): typeof emailSends.$inferInsert & { id: string } => ({
    recipient: 'ada@example.org',
    template: 'notification',
    variables: {},
    ...email,
    id: uuidv7(),
  }));
  await db.write().insert(emailSends).values(rows);
  const queued = rows.filter(({ status = 'queued' }) => status === 'queued');
  if (queued.length > 0) {
    await db
      .write()
      .insert(emailOutbox)
      .values(queued.map(({ id }) => ({ emailSendId: id, priority: 5, dueAt: new Date() })));
  }
  return rows.map(({ id }) => id);
}
const addOne = async (email: NewEmail = {}) => (await add(email))[0] ?? '';
const stateOf = async (id: string) => {
  const [email] = await db.write().select().from(emailSends).where(eq(emailSends.id, id));
  const [outbox] = await db.write().select().from(emailOutbox).where(eq(emailOutbox.emailSendId, id));
  return { email, outbox };
};
const STATUSES = ['sent', 'delivered', 'bounced', 'failed', 'suppressed', 'cancelled', 'uncertain'] as const;

describe('taking an email back', () => {
  const cancel = (id: string) => db.withTx((tx) => cancelEmail(tx, id));

  test('ends a queued one, and nothing is left of it to be relayed', async () => {
    // Between two attempts.
    const id = await addOne({ attempts: 1, errorMessage: 'try later' });
    expect(await cancel(id)).toBe('cancelled');
    const { email, outbox } = await stateOf(id);
    expect(email).toMatchObject({ status: 'cancelled', cancelledAt: expect.any(Date) });
    expect(outbox).toBeUndefined();
  });

  test('is too late while a worker has it in hand', async () => {
    const id = await addOne({ claimedAt: new Date(0) });
    expect(await cancel(id)).toBe('too_late');
    expect(await stateOf(id)).toMatchObject({ email: { status: 'queued' }, outbox: {} });
  });

  test.each(STATUSES)('changes nothing of one that is %s', async (status) => {
    const id = await addOne({ status });
    const before = await stateOf(id);
    expect(await cancel(id)).toBe('too_late');
    expect(await stateOf(id)).toEqual(before);
  });
});

describe('sending an email again', () => {
  const replay = (id: string) => db.withTx((tx) => replayEmail(tx, id));

  test.each(REPLAYABLE_STATUSES)('queues one that is %s, with three more attempts', async (status) => {
    const id = await addOne({
      status,
      attempts: 3,
      priority: 7,
      failedAt: new Date(),
      errorMessage: 'no such host',
      uncertainAt: new Date(0),
    });
    expect(await replay(id)).toBe(true);
    const { email, outbox } = await stateOf(id);
    expect(email).toMatchObject({
      status: 'queued',
      attempts: 3,
      maxAttempts: 6,
      failedAt: null,
      errorMessage: null,
      // That it may have gone out stays true.
      uncertainAt: new Date(0),
    });
    expect(outbox).toMatchObject({ priority: 7, relayedAt: null, mayHaveJob: true });
    expect(await replay(id)).toBe(false);
  });

  test.each(['sent', 'delivered', 'bounced', 'suppressed', 'cancelled', 'queued'] as const)(
    'changes nothing of one that is %s',
    async (status) => {
      const id = await addOne({ status });
      const before = await stateOf(id);
      expect(await replay(id)).toBe(false);
      expect(await stateOf(id)).toEqual(before);
    },
  );

  test('goes through all that failed in turns, oldest first, and says how many are left', async () => {
    const ids = await add(
      ...Array.from({ length: 5 }, (_, index) => ({
        status: 'failed' as const,
        createdAt: new Date(Date.UTC(2026, 0, 5 - index)),
      })),
      { status: 'uncertain' },
      { status: 'sent' },
    );
    const turn = () => db.withTx((tx) => replayEmails(tx, { status: 'failed' }, 2));
    const first = await turn();
    expect(first).toEqual({ ids: [ids[3], ids[4]].toSorted(), left: 3 });
    expect((await turn()).left).toBe(1);
    expect(await turn()).toMatchObject({ ids: [ids[0]], left: 0 });
    expect(await turn()).toEqual({ ids: [], left: 0 });
  });

  test.each([
    ['template', { template: 'invite' }],
    ['provider', { provider: 'ses' }],
    ['from', { from: new Date('2026-03-01T00:00:00Z') }],
    ['until', { until: new Date('2026-02-01T00:00:00Z') }],
  ] satisfies [string, Partial<ReplayFilter>][])('takes those of a %s alone', async (_, filter) => {
    const common = { status: 'failed' as const, createdAt: new Date('2026-02-15T00:00:00Z') };
    const [wanted] = await add(
      {
        ...common,
        ...('template' in filter && { template: 'invite' }),
        ...('provider' in filter && { provider: 'ses' }),
        ...('from' in filter && { createdAt: filter.from }),
        ...('until' in filter && { createdAt: new Date('2026-01-31T23:59:59Z') }),
      },
      common,
    );
    const { ids, left } = await db.withTx((tx) => replayEmails(tx, { status: 'failed', ...filter }));
    expect(ids).toEqual([wanted]);
    expect(left).toBe(0);
  });

  test('by two at a time gives each email to one of them', async () => {
    const all = await add(...Array.from({ length: 40 }, () => ({ status: 'failed' as const })));
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => db.withTx((tx) => replayEmails(tx, { status: 'failed' }, 10))),
    );
    const ids = answers.flatMap((answer) => answer.ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(10);
    const rest = await db.withTx((tx) => replayEmails(tx, { status: 'failed' }));
    expect([...ids, ...rest.ids].toSorted()).toEqual(all.toSorted());
  });
});
