import { createHash } from 'node:crypto';
import { auditLogs, sessions, users } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { Redis } from 'ioredis';
import { describe, expect, inject, test } from 'vitest';
import { CORS_ORIGIN, PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';

const SESSION = '/api/v1/auth/session';
const SESSIONS = '/api/v1/auth/sessions';
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

describe('a session', () => {
  test('ends with the logout, which makes the browser forget it', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const other = await api.signIn(user);
    const logout = await api.call('POST', '/api/v1/auth/logout', { token });
    expect(logout.status).toBe(200);
    expect(logout.headers.getSetCookie()[0]).toMatch(/^sv\.session_token=; Max-Age=0; Path=\//);
    expect(await api.call('GET', SESSION, { token })).toMatchObject({
      status: 401,
      body: { error: { code: 'SESSION_ERROR' } },
    });
    expect((await api.call('GET', SESSION, other)).status).toBe(200);
    expect(await auditOf(api, 'auth.logout')).toHaveLength(1);
  });

  test('is refused once it has expired', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    await api.db
      .write()
      .update(sessions)
      .set({ expiresAt: new Date(Date.now() - 1) });
    expect((await api.call('GET', SESSION, { token })).body.error.code).toBe('SESSION_ERROR');
  });

  test('is refused once its user is inactive', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, user.id));
    expect((await api.call('GET', SESSION, { token })).body.error.code).toBe('SESSION_ERROR');
  });

  test('a cookie whose token was changed is refused', async () => {
    const api = await startTestApi();
    const { cookie } = await api.signIn(await api.addUser());
    const tampered = cookie.replace(/=(.)/, (_, first: string) => `=${first === 'a' ? 'b' : 'a'}`);
    expect((await api.call('GET', SESSION, { cookie: tampered })).status).toBe(401);
  });
});

test('sessions survive a wipe of the cache', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('user');
  expect((await api.call('GET', SESSION, { token })).status).toBe(200);
  const redis = new Redis(inject('cacheUrl'));
  try {
    const keys = await redis.keys(`${api.database.name}:session:*`);
    expect(keys).toHaveLength(1);
    await redis.del(...keys);
  } finally {
    redis.disconnect();
  }
  // One that has nothing in its process, either.
  const another = await startTestApi({ like: api });
  for (const instance of [api, another]) {
    expect((await instance.call('GET', SESSION, { token })).body.data.user.id).toBe(user.id);
  }
});

describe('a change by cookie', () => {
  test.each([
    ['without an origin', {}, 403],
    ['from another site', { origin: 'https://evil.example' }, 403],
    ['from a listed origin', { origin: CORS_ORIGIN }, 200],
  ])('%s: %s %i', async (_name, headers, status) => {
    const api = await startTestApi();
    const { cookie } = await api.signIn(await api.addUser());
    const answer = await api.call('POST', '/api/v1/auth/logout', { cookie, headers });
    expect(answer.status).toBe(status);
    expect((await api.call('GET', SESSION, { cookie })).status).toBe(status === 200 ? 401 : 200);
  });

  test('from the host itself is allowed', async () => {
    const api = await startTestApi();
    const { cookie } = await api.signIn(await api.addUser());
    const answer = await api.call('POST', '/api/v1/auth/logout', { cookie, headers: { origin: api.url } });
    expect(answer.status).toBe(200);
  });
});

describe('the list of sessions', () => {
  test('shows the own ones that have not expired, newest first, and marks the current one', async () => {
    const api = await startTestApi();
    const user = await api.addUser();
    await api.addCaller('user');
    const signIn = async (userAgent: string) => {
      const { body } = await api.call('POST', '/api/v1/auth/login', {
        body: { email: user.email, password: PASSWORD },
        headers: { 'user-agent': userAgent, 'x-forwarded-for': '203.0.113.7' },
      });
      return String(body.data.token);
    };
    const expired = await signIn('long ago');
    await api.db
      .write()
      .update(sessions)
      .set({ expiresAt: new Date(Date.now() - 1) })
      .where(eq(sessions.token, createHash('sha256').update(expired).digest('hex')));
    await signIn('a phone');
    const token = await signIn('a desktop');
    const { status, body } = await api.call('GET', SESSIONS, { token });
    expect(status).toBe(200);
    expect(body.data).toMatchObject([
      { userAgent: 'a desktop', ipAddress: '203.0.113.7', isCurrent: true },
      { userAgent: 'a phone', ipAddress: '203.0.113.7', isCurrent: false },
    ]);
    expect(body.pagination).toMatchObject({ totalCount: 2 });
    expect(JSON.stringify(body)).not.toContain(token);
  });

  test('is not for API keys', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    const { body } = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'ci' } });
    const apiKey = body.data.key;
    for (const [method, path] of [
      ['GET', SESSIONS],
      ['DELETE', SESSIONS],
      ['DELETE', `${SESSIONS}/x`],
    ] as const) {
      expect((await api.call(method, path, { apiKey })).status, path).toBe(403);
    }
  });
});

describe('ending sessions', () => {
  const idOf = async (api: TestApi, token: string) =>
    String((await api.call('GET', SESSION, { token })).body.data.session.id);
  const statusOf = async (api: TestApi, token: string) => (await api.call('GET', SESSION, { token })).status;

  test('one by its id, and no other', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const other = await api.signIn(user);
    const id = await idOf(api, other.token);
    expect((await api.call('DELETE', `${SESSIONS}/${id}`, { token })).status).toBe(200);
    await expect.poll(() => statusOf(api, other.token)).toBe(401);
    expect(await statusOf(api, token)).toBe(200);
    expect((await api.call('DELETE', `${SESSIONS}/${id}`, { token })).status).toBe(404);
    expect(await auditOf(api, 'auth.session.ended')).toMatchObject([
      { userId: user.id, metadata: { sessionId: id } },
    ]);
  });

  test('the current one by its id, and the browser forgets it', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    const answer = await api.call('DELETE', `${SESSIONS}/${await idOf(api, token)}`, { token });
    expect(answer.headers.getSetCookie()[0]).toContain('Max-Age=0');
    await expect.poll(() => statusOf(api, token)).toBe(401);
  });

  test("another's looks as if it did not exist", async () => {
    const api = await startTestApi();
    const victim = await api.addCaller('user');
    const { token } = await api.addCaller('super_admin');
    const id = await idOf(api, victim.token);
    const foreign = await api.call('DELETE', `${SESSIONS}/${id}`, { token });
    const missing = await api.call('DELETE', `${SESSIONS}/missing`, { token });
    expect(foreign.status).toBe(404);
    expect(foreign.body.error).toEqual(missing.body.error);
    expect(await statusOf(api, victim.token)).toBe(200);
  });

  test('all but the current one, with their number', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const bystander = await api.addCaller('user');
    const others = [await api.signIn(user), await api.signIn(user), await api.signIn(user)];
    // Each is in the cache.
    for (const other of others) expect(await statusOf(api, other.token)).toBe(200);
    const answer = await api.call('DELETE', SESSIONS, { token });
    expect(answer).toMatchObject({ status: 200, body: { data: { endedSessions: 3 } } });
    for (const other of others) await expect.poll(() => statusOf(api, other.token)).toBe(401);
    expect(await statusOf(api, token)).toBe(200);
    expect(await statusOf(api, bystander.token)).toBe(200);
    expect((await api.call('DELETE', SESSIONS, { token })).body.data).toEqual({ endedSessions: 0 });
  });
});

test('the list goes on by its cursor', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('user');
  await api.signIn(user);
  await api.signIn(user);
  const first = await api.call('GET', '/api/v1/auth/sessions?pageSize=2', { token });
  const cursor = first.body.pagination.nextCursor;
  const second = await api.call('GET', `/api/v1/auth/sessions?pageSize=2&cursor=${cursor}`, { token });
  expect(second.body.pagination).toMatchObject({ page: 2, hasNextPage: false, nextCursor: null });
  const all = [...first.body.data, ...second.body.data];
  expect(new Set(all.map(({ id }: { id: string }) => id)).size).toBe(3);
  // The caller's own is the oldest.
  expect(all.map(({ isCurrent }: { isCurrent: boolean }) => isCurrent)).toEqual([false, false, true]);
});
