import { emailOutbox, emailSends } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../../testing/api.ts';
import { ageMailLimits, mailedToken } from '../../testing/mails.ts';

const EMAIL = 'planted.address@example.org';
const PASSWORDS = [
  'planted password one',
  'planted password two',
  'planted password three',
  'planted wrong password',
] as const;

/** Every flow once, and every way to be refused; answers with all the secrets that came up. */
async function useEverything(api: TestApi): Promise<string[]> {
  const [first, second, third, wrong] = PASSWORDS;
  const secrets: string[] = [];
  const post = async (path: string, body: unknown, token?: string) =>
    api.call('POST', `/api/v1/auth/${path}`, { body, token });
  const keep = (secret: string) => {
    secrets.push(secret);
    return secret;
  };

  await post('signup', { email: EMAIL, name: 'Planted', password: first });
  await post('signup', { email: EMAIL, name: 'Planted', password: wrong });
  await post('login', { email: EMAIL, password: first });
  const verification = keep(await mailedToken(api, EMAIL));
  await post('verify-email', { token: verification });
  await post('verify-email', { token: verification });
  await post('login', { email: EMAIL, password: wrong });
  const login = await post('login', { email: EMAIL, password: first });
  const session = keep(login.body.data.token);
  secrets.push(login.headers.getSetCookie()[0]?.split(/[=;]/)[1] ?? '');
  await post('change-password', { currentPassword: wrong, newPassword: second }, session);
  await post('change-password', { currentPassword: first, newPassword: second }, session);
  const key = await post('api-keys', { name: 'planted' }, session);
  await api.call('GET', '/api/v1/users', { apiKey: keep(key.body.data.key) });
  await api.call('GET', '/api/v1/auth/sessions', { token: session });
  await ageMailLimits(api, 61);
  await post('send-verification-email', { email: EMAIL });
  await ageMailLimits(api, 61);
  await post('request-password-reset', { email: EMAIL });
  const reset = keep(await mailedToken(api, EMAIL));
  await post('reset-password', { token: reset, password: third });
  await post('reset-password', { token: reset, password: wrong });
  for (let attempt = 0; attempt < 11; attempt += 1) await post('login', { email: EMAIL, password: wrong });
  // Neither does a fault of ours say more than it should.
  await api.db.write().execute(sql`update email.email_templates set is_active = false`);
  await post('signup', { email: EMAIL, name: 'Planted', password: wrong });
  return secrets;
}

test('no token, key, password or address is in the log or in an audit row', async () => {
  const api = await startTestApi();
  const secrets = await useEverything(api);
  expect(secrets).toHaveLength(5);
  const { rows } = await api.db.write().execute(sql`select a::text as row from audit.audit_logs a`);
  expect(rows.length).toBeGreaterThan(15);
  expect(api.log.length).toBeGreaterThan(15);
  const recorded = JSON.stringify([rows, api.log]);
  for (const secret of [...secrets, ...PASSWORDS, EMAIL]) expect(recorded).not.toContain(secret);
  // It is recognised by who knows it.
  expect(recorded).toContain('p***@example.org');
});

test('nor is any of them at rest, but in the mail that takes a link to its reader', async () => {
  const api = await startTestApi();
  const secrets = await useEverything(api);
  await api.db.write().delete(emailOutbox);
  await api.db.write().delete(emailSends);
  const { rows: tables } = await api.db.write().execute<{ name: string }>(sql`
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
    where table_schema in ('auth', 'audit', 'email', 'permissions') and table_type = 'BASE TABLE'`);
  expect(tables.length).toBeGreaterThan(10);
  const contents: unknown[] = [];
  for (const { name } of tables) {
    contents.push((await api.db.write().execute(sql.raw(`select t::text as row from ${name} t`))).rows);
  }
  const stored = JSON.stringify(contents);
  expect(stored).toContain(EMAIL);
  for (const secret of [...secrets, ...PASSWORDS]) expect(stored).not.toContain(secret);
});
