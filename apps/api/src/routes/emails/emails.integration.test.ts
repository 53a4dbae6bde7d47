import { auditLogs, emailOutbox, emailSends } from '@sv-sdk/db';
import { seedTemplates } from '@sv-sdk/email';
import { count, eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const EMAILS = '/api/v1/emails';
const email = {
  to: 'Ada@Example.org',
  template: 'notification',
  variables: { name: 'Ada', title: 'Ready', message: 'It runs.' },
};

async function start() {
  const api = await startTestApi();
  await api.db.withTx(seedTemplates);
  const written = async () => {
    const [sends] = await api.db.write().select({ count: count() }).from(emailSends);
    const [outbox] = await api.db.write().select({ count: count() }).from(emailOutbox);
    return { sends: sends?.count, outbox: outbox?.count };
  };
  return { ...api, written };
}

test('one is accepted with its row, its outbox row and its audit row', async () => {
  const api = await start();
  const { user, token } = await api.addCaller('manager');
  const { status, body } = await api.call('POST', EMAILS, { token, body: { ...email, priority: 1 } });
  expect(status).toBe(202);
  expect(body.data.ids).toHaveLength(1);
  expect(await api.written()).toEqual({ sends: 1, outbox: 1 });
  const got = await api.call('GET', `${EMAILS}/${body.data.ids[0]}`, { token });
  expect(got.body.data).toMatchObject({ to: 'ada@example.org', status: 'queued', priority: 1, attempts: 0 });
  expect(JSON.stringify(got.body)).not.toContain('It runs.');
  const audit = await api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, 'email.queued'));
  expect(audit).toMatchObject([{ userId: user.id, metadata: { emailIds: body.data.ids } }]);
});

test('an email is due at its time, or when its delay has passed', async () => {
  const api = await start();
  const { token } = await api.addCaller('manager');
  const sendAt = new Date(Date.now() + 3_600_000);
  const before = Date.now();
  const emails = [
    { ...email, sendAt: sendAt.toISOString() },
    { ...email, delaySeconds: 60 },
    { ...email, delaySeconds: 0 },
  ];
  const { body } = await api.call('POST', EMAILS, { token, body: { emails } });
  const dueAt = async (index: number) => {
    const id = body.data.ids[index];
    const [row] = await api.db.write().select().from(emailOutbox).where(eq(emailOutbox.emailSendId, id));
    return row?.dueAt.getTime() ?? 0;
  };
  expect(await dueAt(0)).toBe(sendAt.getTime());
  expect(await dueAt(1)).toBeGreaterThanOrEqual(before + 60_000);
  expect(await dueAt(1)).toBeLessThanOrEqual(Date.now() + 60_000);
  expect(await dueAt(2)).toBeLessThanOrEqual(Date.now());
});

test('a repetition is answered as the first time, even when its moment has passed', async () => {
  const api = await start();
  const { token } = await api.addCaller('manager');
  const sendAt = Date.now() + 500;
  const body = { ...email, sendAt: new Date(sendAt).toISOString() };
  const post = () => api.call('POST', EMAILS, { token, body, headers: { 'idempotency-key': 'k' } });
  const first = await post();
  expect(first.status).toBe(202);
  await expect.poll(() => Date.now() > sendAt).toBe(true);
  expect((await post()).body.data).toEqual(first.body.data);
});

test('many are accepted in their order', async () => {
  const api = await start();
  const { token } = await api.addCaller('manager');
  const emails = ['a', 'b', 'c'].map((name) => ({ ...email, to: `${name}@example.org` }));
  const { status, body } = await api.call('POST', EMAILS, { token, body: { emails } });
  expect(status).toBe(202);
  for (const [index, id] of body.data.ids.entries()) {
    expect((await api.call('GET', `${EMAILS}/${id}`, { token })).body.data.to).toBe(emails[index]?.to);
  }
});

describe('a bad one is refused naming the field, and nothing is written', () => {
  test.each([
    ['to', { ...email, to: 'nobody' }],
    ['to', { ...email, to: 'a@example.org\nBcc: b@example.org' }],
    ['template', { ...email, template: 'no_such_template' }],
    ['variables.message', { ...email, variables: { name: 'Ada', title: 'x' } }],
    ['variables.name', { ...email, variables: { ...email.variables, name: { deep: 1 } } }],
    ['priority', { ...email, priority: 2 }],
    ['sendAt', { ...email, sendAt: 'tomorrow' }],
    ['sendAt', { ...email, sendAt: '2026-01-01T00:00:00Z' }],
    ['sendAt', { ...email, sendAt: new Date(Date.now() - 1).toISOString() }],
    ['delaySeconds', { ...email, delaySeconds: -1 }],
    ['delaySeconds', { ...email, delaySeconds: 31_536_001 }],
    ['delaySeconds', { ...email, delaySeconds: 1, sendAt: '2099-01-01T00:00:00Z' }],
    ['emails[1].sendAt', { emails: [email, { ...email, sendAt: '2026-01-01T00:00:00Z' }] }],
    ['emails', { emails: Array(1001).fill(email) }],
    ['emails[999].variables.name', { emails: [...Array(999).fill(email), { ...email, variables: {} }] }],
    ['requestedBy', { ...email, requestedBy: 'somebody' }],
    ['status', { ...email, status: 'sent' }],
    ['emails', { emails: [] }],
    ['emails[1].to', { emails: [email, { ...email, to: 'nobody' }] }],
    ['emails[1].template', { emails: [email, { ...email, template: 'none' }] }],
    [
      'emails[0].variables.message',
      { emails: [{ ...email, variables: { name: 'Ada', title: 'x' } }, email] },
    ],
  ])('%s', async (field, body) => {
    const api = await start();
    const { token } = await api.addCaller('manager');
    const answer = await api.call('POST', EMAILS, { token, body });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
    expect(await api.written()).toEqual({ sends: 0, outbox: 0 });
  });

  test('a body of deep nesting', async () => {
    const api = await start();
    const { token } = await api.addCaller('manager');
    const body = `{"to":"a@example.org","template":"notification","variables":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    expect((await api.call('POST', EMAILS, { token, body })).status).toBe(400);
  });

  test('a NUL byte, which Postgres cannot keep', async () => {
    const api = await start();
    const { token } = await api.addCaller('manager');
    const body = { ...email, variables: { ...email.variables, name: 'a\u0000b' } };
    expect((await api.call('POST', EMAILS, { token, body })).status).toBe(400);
    expect(await api.written()).toEqual({ sends: 0, outbox: 0 });
  });
});

test('a user may not send', async () => {
  const api = await start();
  const { token } = await api.addCaller('user');
  expect((await api.call('POST', EMAILS, { token, body: email })).status).toBe(403);
  expect(await api.written()).toEqual({ sends: 0, outbox: 0 });
});

test("another's email looks as if it did not exist; one's own is shown", async () => {
  const api = await start();
  const manager = await api.addCaller('manager');
  const { user, token } = await api.addCaller('user');
  const sent = await api.call('POST', EMAILS, { token: manager.token, body: email });
  const [id] = sent.body.data.ids;
  const [foreign, missing] = [
    await api.call('GET', `${EMAILS}/${id}`, { token }),
    await api.call('GET', `${EMAILS}/missing`, { token }),
  ];
  expect(foreign.status).toBe(404);
  expect(foreign.body.error).toEqual(missing.body.error);
  await api.db.write().update(emailSends).set({ requestedBy: user.id }).where(eq(emailSends.id, id));
  expect((await api.call('GET', `${EMAILS}/${id}`, { token })).status).toBe(200);
});
