import { accounts, apiKeys, auditLogs, sessions, users, verifications } from '@sv-sdk/db';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';
import { ageMailLimits, mailedToken, mailsTo } from '../../testing/mails.ts';

const NEW_PASSWORD = 'another good password';
const SESSION = '/api/v1/auth/session';

const login = (api: TestApi, email: string, password: string) =>
  api.call('POST', '/api/v1/auth/login', { body: { email, password } });
const statusOf = async (api: TestApi, token: string) => (await api.call('GET', SESSION, { token })).status;
const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

async function requestReset(api: TestApi, email: string): Promise<string> {
  await api.call('POST', '/api/v1/auth/request-password-reset', { body: { email } });
  return mailedToken(api, email);
}
const reset = (api: TestApi, token: string, password = NEW_PASSWORD) =>
  api.call('POST', '/api/v1/auth/reset-password', { body: { token, password } });

describe('a reset by mail', () => {
  test('sets the password, ends every session, and tells the owner', async () => {
    const api = await startTestApi();
    const { user, token: first } = await api.addCaller('user');
    const { token: second } = await api.signIn(user);
    for (const token of [first, second]) expect(await statusOf(api, token)).toBe(200);
    const answer = await reset(api, await requestReset(api, user.email));
    expect(answer).toMatchObject({ status: 200, body: { data: { passwordReset: true } } });
    for (const token of [first, second]) await expect.poll(() => statusOf(api, token)).toBe(401);
    expect((await login(api, user.email, PASSWORD)).status).toBe(401);
    expect((await login(api, user.email, NEW_PASSWORD)).status).toBe(200);
    expect((await mailsTo(api, user.email)).map(({ template }) => template)).toEqual([
      'password_reset',
      'notification',
    ]);
    expect(await auditOf(api, 'auth.password_reset')).toMatchObject([
      { userId: user.id, metadata: { endedSessions: 2 } },
    ]);
  });

  test('with an Idempotency-Key ends the sessions in the cache, too, and answers the same again', async () => {
    const api = await startTestApi();
    const { user, token: session } = await api.addCaller('user');
    expect(await statusOf(api, session)).toBe(200);
    const token = await requestReset(api, user.email);
    const resetAgain = () =>
      api.call('POST', '/api/v1/auth/reset-password', {
        body: { token, password: NEW_PASSWORD },
        headers: { 'idempotency-key': 'one-reset' },
      });
    expect([(await resetAgain()).status, (await resetAgain()).status]).toEqual([200, 200]);
    await expect.poll(() => statusOf(api, session)).toBe(401);
    expect((await login(api, user.email, NEW_PASSWORD)).status).toBe(200);
  });

  test('works once, however many use it at the same time', async () => {
    const api = await startTestApi();
    const user = await api.addUser();
    const token = await requestReset(api, user.email);
    const passwords = Array.from({ length: 50 }, (_, index) => `password number ${index}`);
    const answers = await Promise.all(passwords.map((password) => reset(api, token, password)));
    const winners = passwords.filter((_, index) => answers[index]?.status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(49);
    expect((await login(api, user.email, winners[0] ?? '')).status).toBe(200);
    expect(await auditOf(api, 'auth.password_reset.refused')).toHaveLength(49);
  });

  test.each([
    ['after an hour', sql`update auth.verifications set expires_at = expires_at - interval '1 hour'`],
    ['of a user who was deactivated since', sql`update auth.users set is_active = false`],
    ['of a user who was deleted since', sql`update auth.users set deleted_at = now()`],
    ['of a user who has another address by now', sql`update auth.users set email = 'other@example.org'`],
  ])('the link %s is refused, and changes nothing', async (_name, change) => {
    const api = await startTestApi();
    const user = await api.addUser();
    const token = await requestReset(api, user.email);
    await api.db.write().execute(change);
    const before = await api.db.write().select().from(accounts);
    expect((await reset(api, token)).body.error).toMatchObject({
      code: 'AUTHENTICATION_ERROR',
      field: 'token',
    });
    expect(await api.db.write().select().from(accounts)).toEqual(before);
  });

  test('is worth nothing once a newer one was sent, or the password was changed otherwise', async () => {
    const api = await startTestApi();
    const { user, token: session } = await api.addCaller('user');
    const older = await requestReset(api, user.email);
    await ageMailLimits(api, 61);
    const newer = await requestReset(api, user.email);
    expect((await reset(api, older)).status).toBe(401);
    const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    await api.call('POST', '/api/v1/auth/change-password', { token: session, body });
    expect((await reset(api, newer)).status).toBe(401);
    expect(await api.db.write().select().from(verifications)).toEqual([]);
  });

  test('proves the address of an unverified user, whose keys of before are revoked', async () => {
    const api = await startTestApi({ requireEmailVerification: false });
    // Whoever signs up first with an address of somebody else.
    const squatted = await api.addUser({ emailVerified: false });
    const { token } = await api.signIn(squatted);
    const key = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'back door' } });
    const useKey = () => api.call('GET', `/api/v1/users/${squatted.id}`, { apiKey: key.body.data.key });
    expect((await useKey()).status).toBe(200);
    await reset(api, await requestReset(api, squatted.email));
    await expect.poll(async () => (await useKey()).status).toBe(401);
    const signedIn = await login(api, squatted.email, NEW_PASSWORD);
    expect(signedIn.body.data.user).toMatchObject({ id: squatted.id, emailVerified: true });
  });

  test('leaves the keys of a verified user alone', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const key = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'ci' } });
    await reset(api, await requestReset(api, user.email));
    expect(await api.db.write().select().from(apiKeys)).toMatchObject([{ revokedAt: null }]);
    expect((await api.call('GET', `/api/v1/users/${user.id}`, { apiKey: key.body.data.key })).status).toBe(
      200,
    );
  });

  test('gives a password to a user who had none', async () => {
    const api = await startTestApi();
    const user = await api.addUser();
    await api.db.write().delete(accounts);
    await reset(api, await requestReset(api, user.email));
    expect((await login(api, user.email, NEW_PASSWORD)).status).toBe(200);
  });

  test.each([
    ['password', { token: 'x', password: 'short' }],
    ['token', { password: NEW_PASSWORD }],
    ['userId', { token: 'x', password: NEW_PASSWORD, userId: '1' }],
  ])('refuses a bad or unknown %s', async (field, body) => {
    const api = await startTestApi();
    const answer = await api.call('POST', '/api/v1/auth/reset-password', { body });
    expect(answer).toMatchObject({ status: 400, body: { error: { field } } });
  });
});

describe('a change of the password', () => {
  const change = (api: TestApi, token: string, currentPassword = PASSWORD, newPassword = NEW_PASSWORD) =>
    api.call('POST', '/api/v1/auth/change-password', { token, body: { currentPassword, newPassword } });

  test('keeps this session, ends all others, and tells the owner', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const other = await api.signIn(user);
    expect(await statusOf(api, other.token)).toBe(200);
    expect(await change(api, token)).toMatchObject({ status: 200, body: { data: { endedSessions: 1 } } });
    await expect.poll(() => statusOf(api, other.token)).toBe(401);
    expect(await statusOf(api, token)).toBe(200);
    expect((await login(api, user.email, PASSWORD)).status).toBe(401);
    expect((await login(api, user.email, NEW_PASSWORD)).status).toBe(200);
    expect(await mailsTo(api, user.email)).toMatchObject([{ template: 'notification' }]);
    expect(await auditOf(api, 'auth.password_changed')).toMatchObject([{ userId: user.id }]);
  });

  test('needs the present password, and a refusal leaves a row', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const answer = await change(api, token, 'a wrong password');
    expect(answer).toMatchObject({
      status: 401,
      body: { error: { code: 'AUTHENTICATION_ERROR', field: 'currentPassword' } },
    });
    expect((await login(api, user.email, PASSWORD)).status).toBe(200);
    expect(await auditOf(api, 'auth.password_change.refused')).toMatchObject([{ userId: user.id }]);
  });

  test('of two at the same time one wins', async () => {
    const api = await startTestApi();
    const { user, token } = await api.addCaller('user');
    const passwords = ['the first new password', 'the second new password'];
    const answers = await Promise.all(passwords.map((password) => change(api, token, PASSWORD, password)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    const winner = passwords[answers.findIndex(({ status }) => status === 200)] ?? '';
    expect((await login(api, user.email, winner)).status).toBe(200);
  });

  test('is not for API keys, nor for who has no password', async () => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    const key = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'ci' } });
    const body = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    const byKey = await api.call('POST', '/api/v1/auth/change-password', { apiKey: key.body.data.key, body });
    expect(byKey.status).toBe(403);
    await api.db.write().delete(accounts);
    expect((await change(api, token)).status).toBe(401);
  });

  test.each([
    ['newPassword', { currentPassword: PASSWORD, newPassword: 'short' }],
    ['currentPassword', { newPassword: NEW_PASSWORD }],
    ['userId', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, userId: '1' }],
  ])('refuses a bad or unknown %s', async (field, body) => {
    const api = await startTestApi();
    const { token } = await api.addCaller('user');
    const answer = await api.call('POST', '/api/v1/auth/change-password', { token, body });
    expect(answer).toMatchObject({ status: 400, body: { error: { field } } });
  });
});

test('a password that cannot be recorded is not set', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('user');
  const mailed = await requestReset(api, user.email);
  // The mail to the owner is part of it.
  await api.db.write().execute(sql`update email.email_templates set is_active = false`);
  expect((await reset(api, mailed)).status).toBe(500);
  expect(await statusOf(api, token)).toBe(200);
  expect(await api.db.write().select().from(sessions)).toHaveLength(1);
  expect((await login(api, user.email, PASSWORD)).status).toBe(200);
  expect((await api.db.write().select().from(users))[0]?.emailVerified).toBe(true);
});
