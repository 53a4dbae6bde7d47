import { cacheKey } from '@sv-sdk/cache';
import { apiKeys, auditLogs, markStale } from '@sv-sdk/db';
import { and, eq, sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startTestApi } from '../../testing/api.ts';

const SESSION = '/api/v1/auth/session';
const KEYS = '/api/v1/auth/api-keys';

test('is shown once, kept as a hash, and opens what its user may do', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('manager');
  const { status, body } = await api.call('POST', KEYS, { token, body: { name: 'ci' } });
  expect(status).toBe(201);
  const { key, id, prefix } = body.data;
  expect(key).toMatch(/^sv_[A-Za-z0-9_-]{43}$/);
  expect(key.startsWith(prefix)).toBe(true);
  expect((await api.call('GET', `/api/v1/users/${user.id}`, { apiKey: key })).status).toBe(200);

  const list = await api.call('GET', KEYS, { token });
  expect(list.body.data).toMatchObject([{ id, name: 'ci', prefix, scopes: null }]);
  expect(JSON.stringify(list.body)).not.toContain(key);
  const rows = await api.db.write().select().from(apiKeys);
  expect(JSON.stringify(rows)).not.toContain(key);
});

test('with scopes may do only what both its scopes and its user may', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('admin');
  const { body } = await api.call('POST', KEYS, {
    token,
    body: { name: 'reader', scopes: ['read:own:user'] },
  });
  const apiKey = body.data.key;
  expect((await api.call('GET', `/api/v1/users/${user.id}`, { apiKey })).status).toBe(200);
  expect((await api.call('GET', '/api/v1/users', { apiKey })).status).toBe(403);
});

test('can have no scope that its user lacks', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('user');
  const answer = await api.call('POST', KEYS, { token, body: { name: 'up', scopes: ['read:any:user'] } });
  expect(answer).toMatchObject({ status: 403, body: { error: { field: 'scopes' } } });
});

test('is refused once it was revoked; a second revocation finds nothing', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('user');
  const { body } = await api.call('POST', KEYS, { token, body: { name: 'ci' } });
  const revoke = () => api.call('DELETE', `${KEYS}/${body.data.id}`, { token });
  expect((await revoke()).status).toBe(200);
  expect(await api.call('GET', `/api/v1/users/${user.id}`, { apiKey: body.data.key })).toMatchObject({
    status: 401,
    body: { error: { code: 'AUTHENTICATION_ERROR' } },
  });
  expect((await revoke()).status).toBe(404);
  expect((await api.call('GET', KEYS, { token })).body.data).toEqual([]);
  const audited = await api.db
    .write()
    .select({ eventType: auditLogs.eventType })
    .from(auditLogs)
    .where(and(eq(auditLogs.userId, user.id), sql`event_type like 'api_key.%'`));
  expect(audited).toHaveLength(2);
});

test('is refused once it has expired, or its user is inactive', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('user');
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const { body } = await api.call('POST', KEYS, { token, body: { name: 'ci', expiresAt } });
  const use = () => api.call('GET', `/api/v1/users/${user.id}`, { apiKey: body.data.key });
  expect((await use()).status).toBe(200);
  const { token: admin } = await api.addCaller('super_admin');
  const activate = (isActive: boolean) =>
    api.call('PATCH', `/api/v1/users/${user.id}`, { token: admin, body: { isActive } });
  expect((await activate(false)).status).toBe(200);
  await expect.poll(async () => (await use()).status).toBe(401);
  expect((await activate(true)).status).toBe(200);
  expect((await use()).status).toBe(200);
  // No word of invalidation: a key ends by itself, cached or not.
  await api.db.withTx(async (tx) => {
    const [key] = await tx
      .update(apiKeys)
      .set({ expiresAt: new Date(Date.now() + 300) })
      .returning();
    await markStale(tx, [cacheKey.apiKey(key?.hash ?? '')]);
  });
  await expect.poll(async () => (await use()).status).toBe(401);
});

test('cannot make, list or revoke keys', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const { body } = await api.call('POST', KEYS, { token, body: { name: 'ci' } });
  const apiKey = body.data.key;
  expect((await api.call('POST', KEYS, { apiKey, body: { name: 'child' } })).status).toBe(403);
  expect((await api.call('GET', KEYS, { apiKey })).status).toBe(403);
  expect((await api.call('DELETE', `${KEYS}/${body.data.id}`, { apiKey })).status).toBe(403);
});

test("another's looks as if it did not exist", async () => {
  const api = await startTestApi();
  const owner = await api.addCaller('user');
  const { body } = await api.call('POST', KEYS, { token: owner.token, body: { name: 'ci' } });
  const { token } = await api.addCaller('admin');
  const foreign = await api.call('DELETE', `${KEYS}/${body.data.id}`, { token });
  const missing = await api.call('DELETE', `${KEYS}/missing`, { token });
  expect(foreign.status).toBe(404);
  expect(foreign.body.error).toEqual(missing.body.error);
  expect((await api.call('GET', `/api/v1/users/${owner.user.id}`, { apiKey: body.data.key })).status).toBe(
    200,
  );
});

test('that is wrong is refused also beside a session that is right', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('user');
  expect((await api.call('GET', SESSION, { token, apiKey: 'sv_wrong' })).status).toBe(401);
});

test('a list of keys goes on by its cursor, which no other list takes', async () => {
  const api = await startTestApi();
  const { token } = await api.addCaller('user');
  const made: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    made.unshift((await api.call('POST', KEYS, { token, body: { name } })).body.data.id);
  }
  const first = await api.call('GET', `${KEYS}?pageSize=2`, { token });
  const cursor = first.body.pagination.nextCursor;
  const second = await api.call('GET', `${KEYS}?pageSize=2&cursor=${cursor}`, { token });
  const ids = [...first.body.data, ...second.body.data].map(({ id }: { id: string }) => id);
  expect(ids).toEqual(made);
  expect(second.body.pagination).toMatchObject({ page: 2, hasNextPage: false, nextCursor: null });
  const foreign = await api.call('GET', `/api/v1/auth/sessions?cursor=${cursor}`, { token });
  expect(foreign).toMatchObject({ status: 400, body: { error: { field: 'cursor' } } });
});
