import { createHash } from 'node:crypto';
import * as argon2 from '@node-rs/argon2';
import { accounts, auditLogs, sessions, users } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { expect, test, vi } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';
import { mailedToken } from '../../testing/mails.ts';
import { statementsDuring } from '../../testing/statements.ts';

// The real thing, counted: 15 ms are too little to be told apart by a clock.
vi.mock('@node-rs/argon2', { spy: true });

const SESSION = '/api/v1/auth/session';
const WRONG = 'a wrong password';
const login = (api: TestApi, email: string, password = PASSWORD) =>
  api.call('POST', '/api/v1/auth/login', { body: { email, password } });
const argon2Runs = () =>
  vi.mocked(argon2.hash).mock.calls.length + vi.mocked(argon2.verify).mock.calls.length;
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

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

test('behind https the cookie is for https and for this host alone', async () => {
  const api = await startTestApi({ baseUrl: 'https://sv.example.org' });
  const user = await api.addUser();
  const { headers } = await api.call('POST', '/api/v1/auth/login', {
    body: { email: user.email, password: PASSWORD },
  });
  const [setCookie = ''] = headers.getSetCookie();
  expect(setCookie).toMatch(/^__Host-sv\.session_token=.*; Path=\/; .*Secure/);
  // A browser takes no __Host- cookie with one.
  expect(setCookie).not.toContain('Domain');
  const cookie = setCookie.split(';', 1)[0] ?? '';
  expect((await api.call('GET', SESSION, { cookie })).status).toBe(200);
  expect(headers.get('strict-transport-security')).toContain('max-age');
});

test('only an active user with a proven address gets a session, and every refusal leaves a row', async () => {
  const api = await startTestApi();
  const [inactive, deleted, unverified] = [
    await api.addUser(),
    await api.addUser(),
    await api.addUser({ emailVerified: false }),
  ];
  await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, inactive.id));
  await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, deleted.id));
  for (const { email } of [inactive, deleted, unverified]) await login(api, email);
  expect(await api.db.write().select().from(sessions)).toEqual([]);
  const refusals = await auditOf(api, 'auth.login.refused');
  expect(refusals.map(({ metadata }) => Reflect.get(metadata, 'reason')).toSorted()).toEqual([
    'inactive_or_unverified',
    'inactive_or_unverified',
    'wrong_credentials',
  ]);
  expect(await auditOf(api, 'auth.login')).toHaveLength(0);
});

test('a password that is reset while it is verified opens no session', async () => {
  const api = await startTestApi();
  const user = await api.addUser();
  await api.call('POST', '/api/v1/auth/request-password-reset', { body: { email: user.email } });
  const token = await mailedToken(api, user.email);
  const { verify } = await vi.importActual<typeof argon2>('@node-rs/argon2');
  vi.mocked(argon2.verify).mockImplementationOnce(async (...given) => {
    const isRight = await verify(...given);
    const body = { token, password: 'another good password' };
    expect((await api.call('POST', '/api/v1/auth/reset-password', { body })).status).toBe(200);
    return isRight;
  });
  expect((await login(api, user.email)).status).toBe(401);
  expect(await api.db.write().select().from(sessions)).toEqual([]);
});

test('where no proof of the address is asked for, an unverified user signs in', async () => {
  const api = await startTestApi({ requireEmailVerification: false });
  const { email } = await api.addUser({ emailVerified: false });
  expect((await login(api, email)).status).toBe(200);
});

test('the token is in the database only as its hash', async () => {
  const api = await startTestApi();
  const { token, cookie } = await api.signIn(await api.addUser());
  const rows = JSON.stringify(await api.db.write().select().from(sessions));
  expect(rows).not.toContain(token);
  expect(rows).toContain(createHash('sha256').update(token).digest('hex'));
  // What stands in the table opens nothing, by either way.
  const [row] = await api.db.write().select().from(sessions);
  expect((await api.call('GET', SESSION, { token: row?.token })).status).toBe(401);
  const signed = cookie.replace(encodeURIComponent(token), row?.token ?? '');
  expect((await api.call('GET', SESSION, { cookie: signed })).status).toBe(401);
});

test('unknown, wrong, inactive, deleted, unverified, without a password: one answer, one run of argon2', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 1000 } });
  const known = await api.addUser();
  const unverified = await api.addUser({ emailVerified: false });
  const inactive = await api.addUser();
  const deleted = await api.addUser();
  const passwordless = await api.addUser();
  await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, inactive.id));
  await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, deleted.id));
  await api.db.write().delete(accounts).where(eq(accounts.userId, passwordless.id));
  const attempts: Record<string, [email: string, password: string]> = {
    unknown: ['nobody@example.org', WRONG],
    wrong: [known.email, WRONG],
    unverified: [unverified.email, PASSWORD],
    inactive: [inactive.email, PASSWORD],
    deleted: [deleted.email, PASSWORD],
    passwordless: [passwordless.email, PASSWORD],
  };

  const seen: Record<string, unknown> = {};
  for (const [name, [email, password]] of Object.entries(attempts)) {
    vi.mocked(argon2.hash).mockClear();
    vi.mocked(argon2.verify).mockClear();
    const { status, body, headers } = await login(api, email, password);
    seen[name] = {
      status,
      error: body.error,
      headers: [...headers.keys()].toSorted(),
      cookies: headers.getSetCookie(),
      argon2Runs: argon2Runs(),
    };
  }
  for (const name of Object.keys(attempts)) expect(seen[name], name).toEqual(seen['wrong']);
  expect(seen['wrong']).toMatchObject({ status: 401, cookies: [], argon2Runs: 1 });
});

test('an unknown address costs the same statements as a wrong password', async () => {
  const api = await startTestApi();
  const user = await api.addUser();
  const known = await statementsDuring(() => login(api, user.email, WRONG));
  const unknown = await statementsDuring(() => login(api, 'nobody@example.org', WRONG));
  expect(known.length).toBeGreaterThan(4);
  expect(unknown).toEqual(known);
});

test('an unknown address takes as long as a wrong password', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 1000 } });
  const known = await api.addUser();
  const milliseconds: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
  // In turns, so that whatever else the machine does slows both.
  for (let sample = 0; sample < 40; sample += 1) {
    for (const [kind, email] of [
      ['known', known.email],
      ['unknown', 'nobody@example.org'],
    ] as const) {
      const started = performance.now();
      await login(api, email, WRONG);
      milliseconds[kind].push(performance.now() - started);
    }
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const ratio = median(milliseconds.known) / median(milliseconds.unknown);
  // Without the hash it would be 3 and more. The two tests before are the sharp ones.
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2);
});
