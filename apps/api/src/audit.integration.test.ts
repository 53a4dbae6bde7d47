import { createHash } from 'node:crypto';
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
  await forbidAuditRows(api);

  const before = await fingerprint(api);
  const actual = path.replace('{key}', key.body.data.id).replace('{user}', target.id);
  const answer = await api.call(method, actual, { token, body });
  expect(answer).toMatchObject({ status: 500, body: { error: { code: 'DATABASE_ERROR' } } });
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(await fingerprint(api)).toBe(before);
});
