import * as argon2 from '@node-rs/argon2';
import { accounts, auditLogs, users } from '@sv-sdk/db';
import { count, eq } from 'drizzle-orm';
import { expect, test, vi } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from '../../testing/api.ts';
import { ageMailLimits, mailedToken, mailsTo } from '../../testing/mails.ts';
import { statementsDuring } from '../../testing/statements.ts';

// The real thing, counted.
vi.mock('@node-rs/argon2', { spy: true });

const auditOf = (api: TestApi, eventType: string) =>
  api.db.write().select().from(auditLogs).where(eq(auditLogs.eventType, eventType));

const login = (api: TestApi, { email, password }: { email: string; password: string }) =>
  api.call('POST', '/api/v1/auth/login', { body: { email, password } });
const verify = async (api: TestApi) => {
  const token = await mailedToken(api, 'ada@example.org');
  expect((await api.call('POST', '/api/v1/auth/verify-email', { body: { token } })).status).toBe(200);
};

const input = { email: 'Ada@Example.org', name: ' Ada ', password: PASSWORD };

test('makes an active user with the role user, who can sign in once the address is proven', async () => {
  const api = await startTestApi();
  const { status, body } = await api.call('POST', '/api/v1/auth/signup', { body: input });
  expect(status).toBe(201);
  expect(body.data.user).toMatchObject({
    email: 'ada@example.org',
    name: 'Ada',
    role: 'user',
    isActive: true,
  });
  expect((await login(api, input)).status).toBe(401);
  await verify(api);
  const { token } = await api.signIn(input);
  const session = await api.call('GET', '/api/v1/auth/session', { token });
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
  // Nor does what follows tell: the password that was just chosen is wrong in both cases.
  expect((await login(api, { ...input, password: 'another password' })).status).toBe(401);
  expect((await login(api, input)).status).toBe(401);
  await verify(api);
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
  await verify(api);
  expect((await login(api, input)).status).toBe(401);
  const { body } = await login(api, { ...input, password: 'a new password' });
  expect(body.data.user.id).not.toBe(old.id);
});

test('mails a link to a free address, and to the owner of a taken one that somebody tried', async () => {
  const api = await startTestApi();
  await api.call('POST', '/api/v1/auth/signup', { body: input });
  expect(await mailsTo(api, 'ada@example.org')).toMatchObject([
    // Not the name: whoever signs up chooses it, and the address may be another's.
    { template: 'verification_email', variables: { userName: 'ada@example.org' } },
  ]);
  await verify(api);
  await ageMailLimits(api, 61);
  await api.call('POST', '/api/v1/auth/signup', { body: { ...input, name: 'Mallory' } });
  const [, warning] = await mailsTo(api, 'ada@example.org');
  expect(warning).toMatchObject({ template: 'notification', variables: { name: 'Ada' } });
  expect(JSON.stringify(warning)).not.toMatch(/token|Mallory/);
  // One a minute: nobody fills a mailbox by signing up with its address.
  await api.call('POST', '/api/v1/auth/signup', { body: input });
  expect(await mailsTo(api, 'ada@example.org')).toHaveLength(2);
});

test('a mail that somebody else asked for does not hold back the one of a sign-up', async () => {
  const api = await startTestApi();
  await api.call('POST', '/api/v1/auth/request-password-reset', { body: { email: input.email } });
  await api.call('POST', '/api/v1/auth/signup', { body: input });
  expect(await mailsTo(api, 'ada@example.org')).toHaveLength(1);
});

test('repeats its first answer to an Idempotency-Key, for a free and a taken address alike', async () => {
  const api = await startTestApi();
  await api.addUser({ email: 'grace@example.org' });
  for (const email of ['ada@example.org', 'grace@example.org']) {
    const signUp = () =>
      api.call('POST', '/api/v1/auth/signup', {
        body: { ...input, email },
        headers: { 'idempotency-key': `key-of-${email.slice(0, 3)}` },
      });
    const answers = [await signUp(), await signUp()];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(answers[1]?.body.data).toEqual(answers[0]?.body.data);
    expect(await mailsTo(api, email)).toHaveLength(1);
  }
  expect(await api.db.write().select({ count: count() }).from(users)).toEqual([{ count: 2 }]);
});

test('runs the same statements for a free and a taken address', async () => {
  const api = await startTestApi();
  const signUp = (email: string) => api.call('POST', '/api/v1/auth/signup', { body: { ...input, email } });
  await signUp('ada@example.org');
  const free = await statementsDuring(() => signUp('grace@example.org'));
  const taken = await statementsDuring(() => signUp('ada@example.org'));
  expect(free.length).toBeGreaterThan(10);
  expect(taken).toEqual(free);
});
