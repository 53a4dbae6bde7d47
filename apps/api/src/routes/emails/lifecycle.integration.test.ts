/** What becomes of emails once they are accepted: lists, cancelling, replays, statistics. */
import { auditLogs, emailAttempts, emailOutbox, emailSends } from '@sv-sdk/db';
import { desc, eq } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const EMAILS = '/api/v1/emails';
type NewEmail = Partial<typeof emailSends.$inferInsert>;

async function start(role = 'admin') {
  const api = await startTestApi();
  const { user, token } = await api.addCaller(role);
  const add = async (...emails: NewEmail[]) => {
    const rows = emails.map((email): typeof emailSends.$inferInsert & { id: string } => ({
      recipient: 'ada@example.org',
      template: 'notification',
      variables: {},
      ...email,
      id: uuidv7(),
    }));
    await api.db.write().insert(emailSends).values(rows);
    const queued = rows.filter(({ status = 'queued' }) => status === 'queued');
    if (queued.length > 0) {
      await api.db
        .write()
        .insert(emailOutbox)
        .values(queued.map(({ id }) => ({ emailSendId: id, priority: 5, dueAt: new Date() })));
    }
    return rows.map(({ id }) => id);
  };
  return {
    ...api,
    user,
    token,
    add,
    addOne: async (email: NewEmail = {}) => (await add(email))[0] ?? '',
    get: (path: string) => api.call('GET', EMAILS + path, { token }),
    post: (path: string, body?: unknown) =>
      api.call('POST', EMAILS + path, { token, ...(body !== undefined && { body }) }),
    lastAudit: async () =>
      (await api.db.write().select().from(auditLogs).orderBy(desc(auditLogs.id)).limit(1))[0],
  };
}
const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id);
const day = (number: number) => new Date(Date.UTC(2026, 0, number));

describe('the list', () => {
  test('is newest first, and goes on by cursor where new ones come', async () => {
    const api = await start();
    const ids = await api.add(...[1, 2, 3, 4, 5].map((number) => ({ createdAt: day(number) })));
    const first = await api.get('?pageSize=2');
    expect(idsOf(first)).toEqual([ids[4], ids[3]]);
    await api.add({});
    const second = await api.get(`?pageSize=2&cursor=${first.body.pagination.nextCursor}`);
    expect(idsOf(second)).toEqual([ids[2], ids[1]]);
    expect(second.body.pagination).toMatchObject({ page: 2, totalCount: 6, hasNextPage: true });
  });

  test('is of a status, a template, an address and a period', async () => {
    const api = await start();
    const [failed, sent, invite, bob, old] = await api.add(
      { status: 'failed' },
      { status: 'sent' },
      { template: 'invite' },
      // As the platform itself may have taken it.
      { recipient: 'Bob@Example.org' },
      { createdAt: day(2) },
    );
    expect(idsOf(await api.get('?status=failed'))).toEqual([failed]);
    expect(idsOf(await api.get('?status=sent'))).toEqual([sent]);
    expect(idsOf(await api.get('?status=queued&until=2026-01-03T00:00:00Z'))).toEqual([old]);
    expect(idsOf(await api.get('?template=invite'))).toEqual([invite]);
    expect(idsOf(await api.get('?to=BOB@example.ORG'))).toEqual([bob]);
    expect(idsOf(await api.get('?from=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00.001Z'))).toEqual([old]);
    expect(idsOf(await api.get('?status=bounced'))).toEqual([]);
  });

  test("shows one's own to who may read no others", async () => {
    const api = await start('user');
    const [own] = await api.add({ requestedBy: api.user.id }, {});
    const list = await api.get('');
    expect(idsOf(list)).toEqual([own]);
    expect(list.body.pagination.totalCount).toBe(1);
  });

  test.each([
    ['status', '?status=lost'],
    ['to', '?to=nobody'],
    ['from', '?from=yesterday'],
    ['page', '?page=900000'],
    ['recipient', '?recipient=a'],
  ])('refuses a bad %s', async (field, query) => {
    const api = await start();
    expect(await api.get(query)).toMatchObject({ status: 400, body: { error: { field } } });
  });
});

test('an email is shown with its attempts, the first one first', async () => {
  const api = await start();
  const id = await api.addOne({ status: 'sent', attempts: 2 });
  await api.db
    .write()
    .insert(emailAttempts)
    .values([
      {
        emailSendId: id,
        number: 2,
        startedAt: day(2),
        endedAt: day(3),
        provider: 'ses',
        outcome: 'sent',
        messageId: 'm',
      },
      {
        emailSendId: id,
        number: 1,
        startedAt: day(1),
        endedAt: day(2),
        outcome: 'abandoned',
        errorMessage: 'gone',
      },
    ]);
  expect((await api.get(`/${id}`)).body.data.attemptLog).toEqual([
    {
      number: 1,
      startedAt: day(1).toISOString(),
      endedAt: day(2).toISOString(),
      provider: null,
      outcome: 'abandoned',
      messageId: null,
      errorMessage: 'gone',
    },
    {
      number: 2,
      startedAt: day(2).toISOString(),
      endedAt: day(3).toISOString(),
      provider: 'ses',
      outcome: 'sent',
      messageId: 'm',
      errorMessage: null,
    },
  ]);
});

describe('cancelling', () => {
  test('ends a queued email, is recorded, and may be repeated', async () => {
    const api = await start();
    const id = await api.addOne();
    const first = await api.post(`/${id}/cancel`);
    expect(first).toMatchObject({ status: 200, body: { data: { id, status: 'cancelled' } } });
    expect(first.body.data.cancelledAt).not.toBeNull();
    expect(await api.db.write().select().from(emailOutbox)).toEqual([]);
    expect(await api.lastAudit()).toMatchObject({
      eventType: 'email.cancelled',
      userId: api.user.id,
      metadata: { emailId: id },
    });
    expect((await api.post(`/${id}/cancel`)).body.data).toEqual(first.body.data);
  });

  test.each([
    ['sent', { status: 'sent' }],
    ['failed', { status: 'failed' }],
    ['in a worker’s hand', { claimedAt: new Date() }],
  ] as [string, NewEmail][])('is a 409 for one that is %s', async (_, email) => {
    const api = await start();
    const id = await api.addOne(email);
    expect(await api.post(`/${id}/cancel`)).toMatchObject({
      status: 409,
      body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'status' } },
    });
    expect((await api.get(`/${id}`)).body.data.status).toBe(email.status ?? 'queued');
  });

  test("is a manager's for their own emails alone", async () => {
    const api = await start('manager');
    const [own, other] = await api.add({ requestedBy: api.user.id }, {});
    expect((await api.post(`/${own}/cancel`)).status).toBe(200);
    expect((await api.post(`/${other}/cancel`)).status).toBe(403);
  });
});

describe('sending again', () => {
  test('queues a failed email and is recorded', async () => {
    const api = await start();
    const id = await api.addOne({
      status: 'failed',
      attempts: 3,
      failedAt: day(1),
      errorMessage: 'no route',
    });
    expect(await api.post(`/${id}/replay`)).toMatchObject({
      status: 200,
      body: { data: { status: 'queued', attempts: 3, maxAttempts: 6, failedAt: null, errorMessage: null } },
    });
    expect(await api.db.write().select().from(emailOutbox)).toMatchObject([
      { emailSendId: id, relayedAt: null, mayHaveJob: true },
    ]);
    expect(await api.lastAudit()).toMatchObject({
      eventType: 'email.replayed',
      metadata: { emailIds: [id] },
    });
    expect(await api.post(`/${id}/replay`)).toMatchObject({
      status: 409,
      body: { error: { field: 'status' } },
    });
  });

  test('takes those that a filter names, so many at a time, and says how many are left', async () => {
    const api = await start();
    await api.add(
      ...Array.from({ length: 3 }, () => ({ status: 'failed' as const, provider: 'ses' })),
      { status: 'failed', provider: 'smtp' },
      { status: 'uncertain' },
    );
    const turn = (body: object) => api.post('/replay', body);
    expect((await turn({ provider: 'ses', limit: 2 })).body.data).toEqual({ replayed: 2, left: 1 });
    expect((await turn({ provider: 'ses', limit: 2 })).body.data).toEqual({ replayed: 1, left: 0 });
    expect((await turn({})).body.data).toEqual({ replayed: 1, left: 0 });
    expect((await turn({ status: 'uncertain' })).body.data).toEqual({ replayed: 1, left: 0 });
    expect(idsOf(await api.get('?status=queued'))).toHaveLength(5);
    for (const body of [{ limit: 1_001 }, { status: 'sent' }, { until: 'now' }]) {
      expect((await turn(body)).status).toBe(400);
    }
  });
});

describe('the statistics', () => {
  test('are of a period, by provider and day, with their cost', async () => {
    const api = await start('manager');
    await api.add(
      { status: 'sent', provider: 'ses', sentAt: day(1), createdAt: day(1) },
      { status: 'delivered', provider: 'ses', sentAt: day(2), createdAt: day(2) },
      { status: 'failed', createdAt: day(2) },
      { status: 'sent', provider: 'ses', sentAt: day(3), createdAt: day(3) },
    );
    const { body } = await api.get(`/stats?from=${day(1).toISOString()}&until=${day(3).toISOString()}`);
    expect(body.data).toMatchObject({
      from: day(1).toISOString(),
      until: day(3).toISOString(),
      total: { accepted: 3, sent: 2, delivered: 1, failed: 1, costUsd: 0.0002 },
      providers: [
        { provider: null, failed: 1, costUsd: 0 },
        { provider: 'ses', sent: 2, costUsd: 0.0002 },
      ],
      days: [
        { day: '2026-01-01', provider: 'ses', sent: 1 },
        { day: '2026-01-02', provider: null, failed: 1 },
        { day: '2026-01-02', provider: 'ses', delivered: 1 },
      ],
    });
  });

  test('are of the last thirty days where nothing else is asked', async () => {
    const api = await start();
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000);
    await api.add({ createdAt: ago(29.9) }, { createdAt: ago(30.1) });
    expect((await api.get('/stats')).body.data.total.accepted).toBe(1);
  });

  test.each([
    ['until', '?from=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00Z'],
    ['from', '?from=2020-01-01T00:00:00Z&until=2026-01-02T00:00:00Z'],
  ])('refuse a bad %s', async (field, query) => {
    const api = await start();
    expect(await api.get(`/stats${query}`)).toMatchObject({ status: 400, body: { error: { field } } });
  });
});

test('the lists are read from an index, whatever they are of', async () => {
  const api = await start();
  // One address in a thousand, one failed in a thousand, one caller's in a thousand.
  await api.db.write().execute(`
    insert into email.email_sends (id, recipient, template, variables, status, created_at)
    select 'id' || n, 'User' || n % 1000 || '@example.org', 'notification', '{}',
      (case when n % 1000 = 7 then 'failed' else 'sent' end)::email.email_status, now() - n * interval '1 second'
    from generate_series(1, 50000) n`);
  await api.db.write().execute('analyze email.email_sends');
  const plan = async (where: string) => {
    const { rows } = await api.db.write().execute(`
      explain select * from email.email_sends where ${where} order by created_at desc, id desc limit 21`);
    return JSON.stringify(rows);
  };
  expect(await plan("lower(recipient) = 'user5@example.org'")).toContain('email_sends_recipient_idx');
  expect(await plan("status not in ('queued', 'sent', 'delivered') and status = 'failed'")).toContain(
    'email_sends_status_created_at_idx',
  );
  expect(await plan('true')).toContain('email_sends_created_at_id_idx');
  const found = await api.get('?to=user5@example.org&pageSize=100');
  expect(idsOf(found)).toHaveLength(50);
  expect(await api.db.write().select().from(emailSends).where(eq(emailSends.status, 'failed'))).toHaveLength(
    50,
  );
});
