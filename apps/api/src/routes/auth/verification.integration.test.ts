import { auditLogs, emailSends, mailLimits, staleCacheKeys, users, verifications } from '@sv-sdk/db';
import { and, count, eq, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';
import { ageMailLimits, mailedToken, mailsTo } from '../../testing/mails.ts';
import { statementsDuring } from '../../testing/statements.ts';

const SEND = '/api/v1/auth/send-verification-email';
const VERIFY = '/api/v1/auth/verify-email';
const RESET = '/api/v1/auth/request-password-reset';

const send = (api: TestApi, email: string, path = SEND) => api.call('POST', path, { body: { email } });
const verify = (api: TestApi, token: string) => api.call('POST', VERIFY, { body: { token } });
const isVerified = async ({ db }: TestApi, userId: string) =>
  (await db.write().select().from(users).where(eq(users.id, userId)))[0]?.emailVerified;

describe('the mailed link', () => {
  test('proves the address, and only then its user can sign in', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    const signIn = () =>
      api.call('POST', '/api/v1/auth/login', { body: { email: user.email, password: PASSWORD } });
    expect((await signIn()).status).toBe(401);
    await send(api, user.email);
    const answer = await verify(api, await mailedToken(api, user.email));
    expect(answer).toMatchObject({ status: 200, body: { data: { emailVerified: true } } });
    expect((await signIn()).body.data.user).toMatchObject({ id: user.id, emailVerified: true });
    const audited = await api.db
      .write()
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'auth.email_verified'), eq(auditLogs.userId, user.id)));
    expect(audited).toHaveLength(1);
    const stale = await api.db.write().select().from(staleCacheKeys);
    expect(stale.flatMap(({ keys }) => keys)).toContain(`user:${user.id}`);
  });

  test('leads to the page that the settings name, with the token where no server sees it', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await send(api, user.email);
    const [mail] = await mailsTo(api, user.email);
    expect(mail?.template).toBe('verification_email');
    expect(mail?.variables['verificationUrl']).toMatch(
      /^https:\/\/app\.example\.org\/verify-email#token=[A-Za-z0-9_-]{43}$/,
    );
  });

  test('works once, however many use it at the same time', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await send(api, user.email);
    const token = await mailedToken(api, user.email);
    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(api, token)));
    const counts = Map.groupBy(answers, ({ status }) => status);
    expect([counts.get(200)?.length, counts.get(401)?.length]).toEqual([1, 49]);
    expect((await verify(api, token)).body.error).toMatchObject({
      code: 'AUTHENTICATION_ERROR',
      field: 'token',
    });
  });

  test('is worth nothing once a newer one was sent', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await send(api, user.email);
    const older = await mailedToken(api, user.email);
    await ageMailLimits(api, 61);
    await send(api, user.email);
    const newer = await mailedToken(api, user.email);
    expect(newer).not.toBe(older);
    expect((await verify(api, older)).status).toBe(401);
    expect((await verify(api, newer)).status).toBe(200);
  });

  test.each([
    ['after 24 hours', sql`update auth.verifications set expires_at = expires_at - interval '24 hours'`],
    ['of an inactive user', sql`update auth.users set is_active = false`],
    ['of a deleted user', sql`update auth.users set deleted_at = now()`],
    ['of a user who has another address by now', sql`update auth.users set email = 'other@example.org'`],
  ])('%s is refused, and changes nothing', async (_name, change) => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await send(api, user.email);
    const token = await mailedToken(api, user.email);
    await api.db.write().execute(change);
    expect((await verify(api, token)).status).toBe(401);
    expect(await isVerified(api, user.id)).toBe(false);
  });

  test('is no link that sets a password, nor the other way round', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await send(api, user.email);
    const verification = await mailedToken(api, user.email);
    await ageMailLimits(api, 61);
    await send(api, user.email, RESET);
    const reset = await mailedToken(api, user.email);
    expect((await verify(api, reset)).status).toBe(401);
    const body = { token: verification, password: 'another good password' };
    expect((await api.call('POST', '/api/v1/auth/reset-password', { body })).status).toBe(401);
    expect((await verify(api, verification)).status).toBe(200);
  });

  test('is in the database only as its hash', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await send(api, user.email);
    const token = await mailedToken(api, user.email);
    const rows = await api.db.write().select().from(verifications);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.value).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(JSON.stringify(rows)).not.toContain(user.email);
  });

  test.each(['', 'x', 'a\u0000b', "' or true --", 'A'.repeat(43)])('%j is refused', async (token) => {
    const api = await startTestApi();
    expect((await verify(api, token)).status).toBe(token === '' || token.includes('\u0000') ? 400 : 401);
  });
});

describe.each([
  ['verification', SEND],
  ['reset', RESET],
])('asking for a mail (%s)', (_name, path) => {
  test('answers the same whoever has the address, and mails only to who should get one', async () => {
    const api = await startTestApi();
    const unverified = await api.addUser({ emailVerified: false });
    const verified = await api.addUser();
    const inactive = await api.addUser({ emailVerified: false });
    const deleted = await api.addUser({ emailVerified: false });
    await api.db.write().update(users).set({ isActive: false }).where(eq(users.id, inactive.id));
    await api.db.write().update(users).set({ deletedAt: new Date() }).where(eq(users.id, deleted.id));
    const addresses = [unverified.email, verified.email, inactive.email, deleted.email, 'nobody@example.org'];
    const mailed: string[] = [];
    for (const email of addresses) {
      const { status, body, headers } = await send(api, email, path);
      expect({ status, data: body.data }).toEqual({ status: 202, data: { accepted: true } });
      expect(headers.getSetCookie()).toEqual([]);
      if ((await mailsTo(api, email)).length > 0) mailed.push(email);
    }
    expect(mailed).toEqual(path === SEND ? [unverified.email] : [unverified.email, verified.email]);
    // A row for each, mailed or not.
    expect(await api.db.write().select({ rows: count() }).from(auditLogs)).toEqual([{ rows: 5 }]);
    expect(await api.db.write().select({ rows: count() }).from(verifications)).toEqual([
      { rows: mailed.length },
    ]);
  });

  test('runs the same statements whoever has the address', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    const known = await statementsDuring(() => send(api, user.email, path));
    const unknown = await statementsDuring(() => send(api, 'nobody@example.org', path));
    expect(known.length).toBeGreaterThan(8);
    expect(unknown).toEqual(known);
  });

  test('sends one a minute and five an hour to an address, also when all ask at once', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    const answers = await Promise.all(Array.from({ length: 30 }, () => send(api, user.email, path)));
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(202));
    expect(await mailsTo(api, user.email)).toHaveLength(1);
    await ageMailLimits(api, 30);
    await send(api, user.email, path);
    expect(await mailsTo(api, user.email)).toHaveLength(1);
    for (const expected of [2, 3, 4, 5, 5, 5]) {
      await ageMailLimits(api, 61);
      await send(api, user.email, path);
      expect(await mailsTo(api, user.email)).toHaveLength(expected);
    }
    await ageMailLimits(api, 3600);
    await send(api, user.email, path);
    expect(await mailsTo(api, user.email)).toHaveLength(6);
  });

  test('is counted in Postgres, by a hash of the address', async () => {
    const api = await startTestApi();
    await send(api, 'nobody@example.org', path);
    const rows = await api.db.write().select().from(mailLimits);
    expect(rows).toMatchObject([{ identifier: expect.stringMatching(/^[0-9a-f]{64}$/), mails: 1 }]);
  });

  test('a mail that cannot be accepted leaves no token and no count', async () => {
    const api = await startTestApi();
    const user = await api.addUser({ emailVerified: false });
    await api.db.write().execute(sql`update email.email_templates set is_active = false`);
    expect((await send(api, user.email, path)).status).toBe(500);
    for (const table of [verifications, mailLimits, emailSends]) {
      expect(await api.db.write().select().from(table)).toEqual([]);
    }
  });

  test.each([
    ['email', {}],
    ['email', { email: 'nobody' }],
    ['userId', { email: 'a@example.org', userId: '1' }],
  ])('refuses a bad or unknown %s', async (field, body) => {
    const api = await startTestApi();
    expect(await api.call('POST', path, { body })).toMatchObject({ status: 400, body: { error: { field } } });
  });
});
