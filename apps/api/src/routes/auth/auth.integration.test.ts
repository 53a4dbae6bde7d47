import * as argon2 from '@node-rs/argon2';
import { accounts, apiKeys, auditLogs, sessions, users } from '@sv-sdk/db';
import { and, count, eq, sql } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { CORS_ORIGIN, PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';

// The real thing, counted: 6 ms are too little to be told apart by a clock.
vi.mock('@node-rs/argon2', { spy: true });

const SESSION = '/api/v1/auth/session';
const KEYS = '/api/v1/auth/api-keys';
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

describe('signing up', () => {
  const input = { email: 'Ada@Example.org', name: ' Ada ', password: PASSWORD };

  test('makes an active user with the role user, who can sign in', async () => {
    const api = await startTestApi();
    const { status, body } = await api.call('POST', '/api/v1/auth/signup', { body: input });
    expect(status).toBe(201);
    expect(body.data.user).toMatchObject({
      email: 'ada@example.org',
      name: 'Ada',
      role: 'user',
      isActive: true,
    });
    const { token } = await api.signIn(input);
    const session = await api.call('GET', SESSION, { token });
    expect(session.body.data.user.id).toBe(body.data.user.id);
    expect(session.body.data.permissions).toContain('read:own:user');
    const [audit] = await auditOf(api, 'auth.signup');
    expect(audit).toMatchObject({ userId: body.data.user.id, ipAddress: '127.0.0.1' });
  });

  test('answers the same when the address is taken, and changes nothing', async () => {
    const api = await startTestApi();
    const free = await api.call('POST', '/api/v1/auth/signup', { body: input });
    vi.mocked(argon2.hash).mockClear();
    const taken = await api.call('POST', '/api/v1/auth/signup', {
      body: { ...input, name: 'Mallory', password: 'another password' },
    });
    expect(argon2.hash).toHaveBeenCalledTimes(1);
    expect(taken.status).toBe(free.status);
    const shape = (body: { data: { user: object } }) => ({
      keys: Object.keys(body.data.user),
      ...body.data.user,
      id: '',
      name: '',
      createdAt: '',
      updatedAt: '',
    });
    expect(shape(taken.body)).toEqual(shape(free.body));
    expect(taken.body.data.user.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect([...taken.headers.keys()]).toEqual([...free.headers.keys()]);

    expect(await api.db.write().select({ name: users.name }).from(users)).toEqual([{ name: 'Ada' }]);
    await api.signIn(input);
    expect(await auditOf(api, 'auth.signup.refused')).toHaveLength(1);
  });

  test('twenty at once with one address make one user and answer alike', async () => {
    const api = await startTestApi();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.call('POST', '/api/v1/auth/signup', { body: input })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(await api.db.write().select({ count: count() }).from(users)).toEqual([{ count: 1 }]);
    expect(await api.db.write().select({ count: count() }).from(accounts)).toEqual([{ count: 1 }]);
  });

  test.each([
    ['email', { ...input, email: 'nobody' }],
    ['password', { ...input, password: 'short' }],
    ['name', { ...input, name: '' }],
    ['name', { ...input, name: 'a\u0000b' }],
    ['role', { ...input, role: 'super_admin' }],
    ['isActive', { ...input, isActive: true }],
    ['emailVerified', { ...input, emailVerified: true }],
    ['id', { ...input, id: '1' }],
  ])('refuses a bad or unknown %s', async (field, body) => {
    const api = await startTestApi();
    const answer = await api.call('POST', '/api/v1/auth/signup', { body });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
    expect(await api.db.write().select().from(users)).toEqual([]);
  });

  test('an address is free again once its user was deleted, and the new user is another', async () => {
    const api = await startTestApi();
    const old = await api.addUser({ email: 'ada@example.org' });
    await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, old.id));
    await api.call('POST', '/api/v1/auth/signup', { body: { ...input, password: 'a new password' } });
    expect(
      (await api.call('POST', '/api/v1/auth/login', { body: { email: input.email, password: PASSWORD } }))
        .status,
    ).toBe(401);
    const login = await api.call('POST', '/api/v1/auth/login', {
      body: { email: input.email, password: 'a new password' },
    });
    expect(login.body.data.user.id).not.toBe(old.id);
  });
});

describe('signing in', () => {
  test('answers with token, expiry and user, and opens the session by bearer and by cookie', async () => {
    const api = await startTestApi();
    const user = await api.addUser();
    const { status, body, headers } = await api.call('POST', '/api/v1/auth/login', {
      body: { email: user.email.toUpperCase(), password: PASSWORD },
      headers: { 'user-agent': 'a browser', 'x-forwarded-for': '203.0.113.7' },
    });
    expect(status).toBe(200);
    expect(body.data.user).toMatchObject({ id: user.id, lastLoginAt: expect.any(String) });
    expect(body.data.user.updatedAt).toBe(user.updatedAt.toISOString());
    const days = (Date.parse(body.data.expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);

    const [setCookie = ''] = headers.getSetCookie();
    expect(setCookie).toMatch(/^sv\.session_token=/);
    expect(setCookie).toContain('HttpOnly');
    expect(setCookie).toContain('SameSite=Lax');
    expect(setCookie).not.toContain('Secure');
    for (const credential of [{ token: body.data.token }, { cookie: setCookie.split(';', 1)[0] }]) {
      expect((await api.call('GET', SESSION, credential)).body.data).toMatchObject({ user: { id: user.id } });
    }
    const [session] = await api.db.write().select().from(sessions);
    expect(session).toMatchObject({ userId: user.id, ipAddress: '203.0.113.7', userAgent: 'a browser' });
    expect(session?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(await auditOf(api, 'auth.login')).toMatchObject([{ userId: user.id, ipAddress: '203.0.113.7' }]);
  });

  test('behind https the cookie is only for https', async () => {
    const api = await startTestApi({ baseUrl: 'https://sv.example.org' });
    const user = await api.addUser();
    const { headers } = await api.call('POST', '/api/v1/auth/login', {
      body: { email: user.email, password: PASSWORD },
    });
    expect(headers.getSetCookie()[0]).toMatch(/^__Secure-sv\.session_token=.*Secure/);
    expect(headers.get('strict-transport-security')).toContain('max-age');
  });

  test('an unknown address, a wrong password, an inactive and a deleted user get the same answer', async () => {
    const api = await startTestApi();
    const [known, inactive, deleted] = [await api.addUser(), await api.addUser(), await api.addUser()];
    await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, inactive.id));
    await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, deleted.id));
    const attempts = [
      { email: 'nobody@example.org', password: PASSWORD },
      { email: known.email, password: 'a wrong password' },
      { email: inactive.email, password: PASSWORD },
      { email: deleted.email, password: PASSWORD },
    ];
    for (const body of attempts) {
      const answer = await api.call('POST', '/api/v1/auth/login', { body });
      expect(answer).toMatchObject({
        status: 401,
        body: { error: { code: 'AUTHENTICATION_ERROR', message: 'The address or the password is wrong.' } },
      });
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect(await api.db.write().select().from(sessions)).toEqual([]);
    expect(await auditOf(api, 'auth.login.refused')).toHaveLength(4);
    expect(await auditOf(api, 'auth.login')).toHaveLength(0);
  });

  test('costs the same work for an unknown address, a user without a password and a wrong password', async () => {
    const api = await startTestApi();
    const known = await api.addUser();
    const passwordless = await api.addUser();
    await api.db.write().delete(accounts).where(eq(accounts.userId, passwordless.id));
    for (const email of ['nobody@example.org', passwordless.email, known.email]) {
      vi.mocked(argon2.hash).mockClear();
      vi.mocked(argon2.verify).mockClear();
      await api.call('POST', '/api/v1/auth/login', { body: { email, password: 'a wrong password' } });
      const runs = vi.mocked(argon2.hash).mock.calls.length + vi.mocked(argon2.verify).mock.calls.length;
      expect(runs, email).toBe(1);
    }
  });
});

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

describe('an API key', () => {
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
    await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, user.id));
    expect((await use()).status).toBe(401);
    await api.db.write().update(users).set({ isActive: true }).where(eq(users.id, user.id));
    await api.db
      .write()
      .update(apiKeys)
      .set({ expiresAt: new Date(Date.now() - 1) });
    expect((await use()).status).toBe(401);
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
});
