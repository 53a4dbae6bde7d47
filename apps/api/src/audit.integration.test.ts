import { createHash } from 'node:crypto';
import { issueVerification } from '@sv-sdk/auth';
import { createDatabase } from '@sv-sdk/db';
import { seedTemplates } from '@sv-sdk/email';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { PASSWORD, startTestApi, type TestApi } from './testing/api.ts';

/** As the owner of the tables: the app can write everything but audit rows. */
async function forbidAuditRows({ database }: TestApi): Promise<void> {
  const owner = createDatabase({
    primaryUrl: database.directUrl,
    poolMin: 0,
    poolMax: 1,
    logger: pino({ level: 'silent' }),
    registry: new Registry(),
  });
  await owner.write().execute(sql`revoke insert on audit.audit_logs from sv_app`);
  await owner.close();
}

/** A hash over every row of every table that a route writes. */
async function fingerprint({ db }: TestApi): Promise<string> {
  const tables = [
    'auth.users',
    'auth.accounts',
    'auth.sessions',
    'auth.api_keys',
    'auth.verifications',
    'auth.mail_limits',
    'permissions.user_roles',
    'email.email_sends',
    'email.email_outbox',
  ];
  const contents: unknown[] = [];
  for (const table of tables) {
    const { rows } = await db.write().execute(sql.raw(`select t::text as row from ${table} t order by 1`));
    contents.push(rows);
  }
  return createHash('sha256').update(JSON.stringify(contents)).digest('hex');
}

test.each([
  [
    'signing up',
    'POST',
    '/api/v1/auth/signup',
    { email: 'new@example.org', name: 'New', password: PASSWORD },
  ],
  ['signing in', 'POST', '/api/v1/auth/login', { email: 'target@example.org', password: PASSWORD }],
  ['signing out', 'POST', '/api/v1/auth/logout', undefined],
  ['making a key', 'POST', '/api/v1/auth/api-keys', { name: 'ci' }],
  ['revoking a key', 'DELETE', '/api/v1/auth/api-keys/{key}', undefined],
  ['ending a session', 'DELETE', '/api/v1/auth/sessions/{session}', undefined],
  ['ending the other sessions', 'DELETE', '/api/v1/auth/sessions', undefined],
  ['asking for a verification', 'POST', '/api/v1/auth/send-verification-email', { email: 'new@example.org' }],
  ['asking for a reset', 'POST', '/api/v1/auth/request-password-reset', { email: 'target@example.org' }],
  ['proving an address', 'POST', '/api/v1/auth/verify-email', { token: '{verify_email}' }],
  [
    'resetting a password',
    'POST',
    '/api/v1/auth/reset-password',
    { token: '{reset_password}', password: 'another good password' },
  ],
  [
    'changing a password',
    'POST',
    '/api/v1/auth/change-password',
    { currentPassword: PASSWORD, newPassword: 'another good password' },
  ],
  ['making a user', 'POST', '/api/v1/users', { email: 'new@example.org', name: 'New', password: PASSWORD }],
  ['changing a user', 'PATCH', '/api/v1/users/{user}', { role: 'manager', isActive: false }],
  ['deleting a user', 'DELETE', '/api/v1/users/{user}', undefined],
  [
    'sending an email',
    'POST',
    '/api/v1/emails',
    { to: 'a@example.org', template: 'notification', variables: { name: 'A', title: 'B', message: 'C' } },
  ],
])('%s changes nothing when its audit row cannot be written', async (_name, method, path, body) => {
  const api = await startTestApi();
  await api.db.withTx(seedTemplates);
  const { token } = await api.addCaller('admin');
  const target = await api.addUser({ email: 'target@example.org' });
  await api.signIn(target);
  const key = await api.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'old' } });
  const { body: session } = await api.call('GET', '/api/v1/auth/session', { token });
  const given: Record<string, string> = {
    key: key.body.data.id,
    user: target.id,
    session: session.data.session.id,
    verify_email: await api.db.withTx((tx) => issueVerification(tx, 'verify_email', target)),
    reset_password: await api.db.withTx((tx) => issueVerification(tx, 'reset_password', target)),
  };
  const fill = (text: string) => text.replace(/\{([a-z_]+)\}/, (_, name: string) => given[name] ?? name);
  await forbidAuditRows(api);

  const before = await fingerprint(api);
  const sent = body === undefined ? undefined : fill(JSON.stringify(body));
  const answer = await api.call(method, fill(path), { token, body: sent });
  expect(answer).toMatchObject({ status: 500, body: { error: { code: 'DATABASE_ERROR' } } });
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(await fingerprint(api)).toBe(before);
});
