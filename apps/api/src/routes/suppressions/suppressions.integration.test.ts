import { auditLogs, emailSuppressions } from '@sv-sdk/db';
import { addSuppressions } from '@sv-sdk/email';
import { desc } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const SUPPRESSIONS = '/api/v1/suppressions';

async function start() {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('admin');
  return {
    ...api,
    user,
    get: (query = '') => api.call('GET', SUPPRESSIONS + query, { token }),
    post: (body: unknown) => api.call('POST', SUPPRESSIONS, { token, body }),
    remove: (id: string) => api.call('DELETE', `${SUPPRESSIONS}/${id}`, { token }),
    lastAudit: async () =>
      (await api.db.write().select().from(auditLogs).orderBy(desc(auditLogs.id)).limit(1))[0],
  };
}

test('an address is suppressed in lower case, by whom and why, and the record masks it', async () => {
  const api = await start();
  const { status, body } = await api.post({ email: 'Ada@Example.org', detail: 'asked by phone' });
  expect(status).toBe(201);
  expect(body.data).toMatchObject({
    email: 'ada@example.org',
    reason: 'manual',
    detail: 'asked by phone',
    emailSendId: null,
    createdBy: api.user.id,
  });
  expect(await api.lastAudit()).toMatchObject({
    eventType: 'suppression.created',
    metadata: { suppressionId: body.data.id, email: 'a***@example.org' },
  });
});

test('an address that is suppressed already is a 409, and the first reason stays', async () => {
  const api = await start();
  await api.db.withTx((tx) =>
    addSuppressions(tx, [{ email: 'ada@example.org', reason: 'bounce', detail: 'no such mailbox' }]),
  );
  expect(await api.post({ email: 'ada@example.org' })).toMatchObject({
    status: 409,
    body: { error: { code: 'CONSTRAINT_VIOLATION', field: 'email' } },
  });
  expect((await api.get()).body.data).toMatchObject([{ reason: 'bounce', detail: 'no such mailbox' }]);
});

test('the list is newest first, of an address or of a reason', async () => {
  const api = await start();
  const at = (day: number) => new Date(Date.UTC(2026, 0, day));
  await api.db
    .write()
    .insert(emailSuppressions)
    .values([
      { email: 'a@example.org', reason: 'bounce', createdAt: at(1) },
      { email: 'b@example.org', reason: 'complaint', createdAt: at(2) },
      { email: 'c@example.org', reason: 'bounce', createdAt: at(3) },
    ]);
  const emails = async (query: string) =>
    (await api.get(query)).body.data.map(({ email }: { email: string }) => email.slice(0, 1));
  expect(await emails('')).toEqual(['c', 'b', 'a']);
  expect(await emails('?reason=bounce')).toEqual(['c', 'a']);
  expect(await emails('?email=B@example.org')).toEqual(['b']);
  const first = await api.get('?pageSize=2');
  expect(await emails(`?pageSize=2&cursor=${first.body.pagination.nextCursor}`)).toEqual(['a']);
});

test('one that is taken away is recorded with its reason, and is gone', async () => {
  const api = await start();
  const { body } = await api.post({ email: 'ada@example.org' });
  expect((await api.remove(body.data.id)).body.data).toEqual({ id: body.data.id });
  expect(await api.lastAudit()).toMatchObject({
    eventType: 'suppression.deleted',
    metadata: { suppressionId: body.data.id, reason: 'manual' },
  });
  expect((await api.get()).body.data).toEqual([]);
  expect((await api.remove(body.data.id)).status).toBe(404);
});

test.each([
  ['email', { email: 'nobody' }],
  ['email', {}],
  ['detail', { email: 'a@example.org', detail: 'a\nb' }],
  ['reason', { email: 'a@example.org', reason: 'bounce' }],
])('a bad %s is refused', async (field, body) => {
  const api = await start();
  expect(await api.post(body)).toMatchObject({ status: 400, body: { error: { field } } });
});
