import * as argon2 from '@node-rs/argon2';
import { auditLogs, loginAttempts } from '@sv-sdk/db';
import { eq, sql } from 'drizzle-orm';
import { expect, test, vi } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';
import { mailedToken } from '../../testing/mails.ts';

// The real thing, counted.
vi.mock('@node-rs/argon2', { spy: true });

const LOGIN = '/api/v1/auth/login';
const WRONG = 'a wrong password';

const login = (api: TestApi, email: string, password = PASSWORD) =>
  api.call('POST', LOGIN, { body: { email, password } });
const fail = async (api: TestApi, email: string, times: number) => {
  for (let time = 0; time < times; time += 1) await login(api, email, WRONG);
};
/** As if all of it had happened so long ago. */
const age = ({ db }: TestApi, seconds: number) =>
  db
    .write()
    .update(loginAttempts)
    .set({
      windowStartedAt: sql`window_started_at - make_interval(secs => ${seconds})`,
      lockedUntil: sql`locked_until - make_interval(secs => ${seconds})`,
    });
const argon2Runs = () =>
  vi.mocked(argon2.hash).mock.calls.length + vi.mocked(argon2.verify).mock.calls.length;

test('after ten failures the right password is refused, too, with the time to wait', async () => {
  const api = await startTestApi();
  const user = await api.addUser();
  await fail(api, user.email, 10);
  const answer = await login(api, user.email);
  expect(answer).toMatchObject({ status: 403, body: { error: { code: 'ACCOUNT_LOCKED' } } });
  const retryAfterSeconds = Number(answer.headers.get('retry-after'));
  expect(retryAfterSeconds).toBeGreaterThan(800);
  expect(retryAfterSeconds).toBeLessThanOrEqual(900);
  const rows = await api.db
    .write()
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.eventType, 'auth.login.refused'));
  expect(rows).toHaveLength(11);
  expect(rows.filter(({ metadata }) => Reflect.get(metadata, 'reason') === 'locked')).toHaveLength(1);
});

test('an address that nobody has is locked in the same way, with the same answer', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 3 } });
  const user = await api.addUser();
  const answers = [];
  for (const email of [user.email, 'nobody@example.org']) {
    await fail(api, email, 3);
    answers.push(await login(api, email));
  }
  const [known, unknown] = answers.map(({ status, body, headers }) => ({
    status,
    error: body.error,
    headers: [...headers.keys()].toSorted(),
  }));
  expect(unknown).toEqual(known);
  expect(known?.status).toBe(403);
});

test('of a hundred guesses at once, at two instances, no more are looked at than the limit allows', async () => {
  const api = await startTestApi();
  const another = await startTestApi({ like: api });
  const user = await api.addUser();
  vi.mocked(argon2.hash).mockClear();
  vi.mocked(argon2.verify).mockClear();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, guess) =>
      login(guess % 2 === 0 ? api : another, user.email, `guess number ${guess}`),
    ),
  );
  const counts = Map.groupBy(answers, ({ status }) => status);
  expect({ refused: counts.get(401)?.length, locked: counts.get(403)?.length }).toEqual({
    refused: 10,
    locked: 90,
  });
  expect(argon2Runs()).toBe(10);
  expect((await login(api, user.email)).status).toBe(403);
});

test('an Idempotency-Key gives no guess for nothing', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 4 } });
  const user = await api.addUser();
  const guess = (key: string) =>
    api.call('POST', LOGIN, {
      body: { email: user.email, password: WRONG },
      headers: { 'idempotency-key': key },
    });
  for (const key of ['first-key', 'first-key', 'second-key', 'third-key']) {
    expect((await guess(key)).status).toBe(401);
  }
  for (const key of ['first-key', 'fourth-key']) expect((await guess(key)).status).toBe(403);
});

test('a success sets the count back', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 3 } });
  const user = await api.addUser();
  await fail(api, user.email, 2);
  expect((await login(api, user.email)).status).toBe(200);
  await fail(api, user.email, 2);
  expect((await login(api, user.email)).status).toBe(200);
  expect(await api.db.write().select().from(loginAttempts)).toEqual([]);
});

test('failures are forgotten after the window, and the lock ends by itself', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 3, windowSeconds: 600, lockSeconds: 60 } });
  const user = await api.addUser();
  await fail(api, user.email, 2);
  await age(api, 601);
  await fail(api, user.email, 2);
  expect((await login(api, user.email)).status).toBe(200);

  await fail(api, user.email, 3);
  expect((await login(api, user.email)).status).toBe(403);
  // Asking again does not make it longer.
  await age(api, 50);
  expect(Number((await login(api, user.email)).headers.get('retry-after'))).toBeLessThanOrEqual(10);
  await age(api, 11);
  expect((await login(api, user.email)).status).toBe(200);
});

test('a lock ends no session, and locks no other address', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 1 } });
  const { user, token } = await api.addCaller('user');
  await fail(api, user.email, 1);
  expect((await login(api, user.email)).status).toBe(403);
  expect((await api.call('GET', '/api/v1/auth/session', { token })).status).toBe(200);
  expect((await login(api, (await api.addUser()).email)).status).toBe(200);
});

test('a password reset by mail unlocks', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 2 } });
  const user = await api.addUser();
  await fail(api, user.email, 2);
  expect((await login(api, user.email)).status).toBe(403);
  await api.call('POST', '/api/v1/auth/request-password-reset', { body: { email: user.email } });
  const token = await mailedToken(api, user.email);
  const reset = await api.call('POST', '/api/v1/auth/reset-password', {
    body: { token, password: 'another good password' },
  });
  expect(reset.status).toBe(200);
  expect((await login(api, user.email, 'another good password')).status).toBe(200);
});

test('guesses at the password by a stolen session are counted with the others', async () => {
  const api = await startTestApi({ loginLimits: { maxFailures: 3 } });
  const { user, token } = await api.addCaller('user');
  const guess = () =>
    api.call('POST', '/api/v1/auth/change-password', {
      token,
      body: { currentPassword: WRONG, newPassword: 'another good password' },
    });
  await fail(api, user.email, 1);
  expect((await guess()).body.error).toMatchObject({
    code: 'AUTHENTICATION_ERROR',
    field: 'currentPassword',
  });
  expect((await guess()).status).toBe(401);
  const locked = await guess();
  expect(locked).toMatchObject({ status: 403, body: { error: { code: 'ACCOUNT_LOCKED' } } });
  expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(0);
});
