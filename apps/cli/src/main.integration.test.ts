import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { hashApiKey, verifyPassword } from '@sv-sdk/auth';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const PASSWORD = 'correct horse battery';
const LOAD_KEY = `sv_${'0123456789abcdef'.repeat(3)}`;

let database: TestDatabase;
let admin: pg.Client;
let environment: Record<string, string>;

beforeEach(async () => {
  database = await createTestDatabase({ isMigrated: false });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  environment = {
    // The password comes apart from the URL, as in the stack.
    DATABASE_DIRECT_URL: database.directUrl.replace(/:[^:@]+@/, '@'),
    DB_OWNER_PASSWORD: new URL(database.directUrl).password,
    SV_ADMIN_EMAIL: 'Admin@Example.org',
    ADMIN_PASSWORD: PASSWORD,
    LOAD_API_KEY: LOAD_KEY,
  };
});

afterEach(async () => {
  await admin.end();
  await database.drop();
});

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real process, with this environment and nothing else. */
function sdk(args: string, env: Record<string, string> = environment): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args.split(' ')],
      { env, timeout: 45_000 },
      (_error, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

async function facts() {
  const { rows } = await admin.query(
    `select (select jsonb_agg(jsonb_build_array(u.email, u.role, u.email_verified, r.name) order by u.email)
               from auth.users u join permissions.user_roles ur on ur.user_id = u.id
               join permissions.roles r on r.id = ur.role_id) as users,
            (select jsonb_agg(password) from auth.accounts where provider_id = 'credential') as passwords,
            (select jsonb_agg(jsonb_build_array(hash, prefix, revoked_at is null) order by created_at, id)
               from auth.api_keys) as keys,
            (select count(*)::int from email.email_templates) as templates,
            (select jsonb_agg(event_type order by event_type) from audit.audit_logs) as audit`,
  );
  return rows[0];
}

test('db migrate refuses a server that has no room for all pools, with the numbers, and migrates nothing', async () => {
  const { exitCode, stderr } = await sdk('db migrate', {
    ...environment,
    DATABASE_URL: database.pooledUrl,
    PGBOUNCER_CONSOLE_URL: database.pooledUrl,
    // The settings would allow it; the server of the tests says 200.
    POSTGRES_MAX_CONNECTIONS: '400',
    PGBOUNCER_POOL_SIZE: '100',
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('Postgres allows 200, and all together may need 220');
  expect(stderr).toContain('PGBOUNCER_POOL_SIZE');
  const { rows } = await admin.query("select to_regclass('auth.users') as users");
  expect(rows).toEqual([{ users: null }]);
});

test('db migrate makes schema, templates, the first administrator and the load-test caller; twice, at once', async () => {
  const outcomes = await Promise.all([sdk('db migrate'), sdk('db migrate')]);
  for (const { exitCode, stderr } of outcomes)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const found = await facts();
  expect(found).toMatchObject({
    users: [
      ['admin@example.org', 'super_admin', true, 'super_admin'],
      ['load-test@sv-sdk.invalid', 'load_test', true, 'load_test'],
    ],
    keys: [[hashApiKey(LOAD_KEY), LOAD_KEY.slice(0, 10), true]],
    templates: 5,
    audit: ['api_key.created', 'user.created'],
  });
  // One account: the load-test caller can't sign in.
  expect(found.passwords).toHaveLength(1);
  expect(await verifyPassword(found.passwords[0], PASSWORD)).toBe(true);
  const output = outcomes.map(({ stdout }) => stdout).join('');
  for (const secret of [PASSWORD, LOAD_KEY, environment['DB_OWNER_PASSWORD']])
    expect(output).not.toContain(secret);
});

test('a later migration leaves a changed administrator alone and stores a changed load-test key', async () => {
  await sdk('db migrate');
  await admin.query("update auth.accounts set password = 'changed'");
  await admin.query("update auth.users set email = 'boss@example.org' where role = 'super_admin'");
  const newKey = `${LOAD_KEY}f`;
  const { exitCode, stdout } = await sdk('db migrate --json', { ...environment, LOAD_API_KEY: newKey });
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, applied: 0 });
  const found = await facts();
  expect(found.users[0][0]).toBe('boss@example.org');
  expect(found.users).toHaveLength(2);
  expect(found.passwords).toEqual(['changed']);
  expect(found.keys).toEqual([
    [hashApiKey(LOAD_KEY), LOAD_KEY.slice(0, 10), false],
    [hashApiKey(newKey), newKey.slice(0, 10), true],
  ]);
});

test('a load-test caller who was deleted does not come back', async () => {
  await sdk('db migrate');
  await admin.query("update auth.users set deleted_at = now() where role = 'load_test'");
  await sdk('db migrate', { ...environment, LOAD_API_KEY: `${LOAD_KEY}f` });
  const { rows } = await admin.query(
    "select (select count(*)::int from auth.users where role = 'load_test') as users, (select count(*)::int from auth.api_keys) as keys",
  );
  expect(rows).toEqual([{ users: 1, keys: 1 }]);
});

test('an ordinary user with the address of the administrator is not made one', async () => {
  await sdk('db migrate');
  await admin.query('delete from permissions.user_roles');
  const { exitCode, stdout } = await sdk('db migrate');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('there is no administrator');
  expect((await facts()).users).toBeNull();
});

test('db status exits with 1 before a migration and with 0 after it', async () => {
  const before = await sdk('db status --json');
  expect(before.exitCode).toBe(1);
  expect(JSON.parse(before.stdout)).toMatchObject({ ok: false, applied: 0 });
  await sdk('db migrate');
  const after = await sdk('db status');
  expect(after).toMatchObject({ exitCode: 0, stderr: '' });
  expect(after.stdout).toMatch(/migrations pending +0\n/);
});

test('a database that refuses is one line on stderr, exit code 1, and no password', async () => {
  const { exitCode, stdout, stderr } = await sdk('db status', {
    ...environment,
    DB_OWNER_PASSWORD: 'not the password',
  });
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'sdk: password authentication failed for user "sv_owner"\n',
  });
});

test('config check lists every fault by name, without its value', async () => {
  const wrong = {
    ...environment,
    DB_POOL_MAX: 'many',
    REDIS_URL: 'http://s3cret-value',
    ADMIN_PASSWORD_FILE: '/nowhere',
  };
  const { exitCode, stderr } = await sdk('config check', wrong);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('DB_POOL_MAX: must be a whole number from 1 to 1000');
  expect(stderr).toContain('REDIS_URL: must be a URL such as redis://host:6379/0');
  expect(stderr).toContain('ADMIN_PASSWORD: is set twice');
  expect(stderr).toContain('DATABASE_URL: is missing');
  expect(stderr).not.toContain('s3cret-value');
  const { stdout } = await sdk('config check --json', wrong);
  expect(JSON.parse(stdout).faults).toContainEqual({
    name: 'DB_POOL_MAX',
    expected: 'must be a whole number from 1 to 1000',
  });
});

test('config check is content with a whole configuration', async () => {
  const secret = '0123456789abcdef0123456789abcdef';
  const whole = {
    ...environment,
    DATABASE_URL: 'postgres://sv_app@pgbouncer:6432/sv',
    DB_PASSWORD: secret,
    REDIS_URL: 'redis://redis:6379/0',
    REDIS_QUEUE_URL: 'redis://redis-queue:6379/0',
    BETTER_AUTH_SECRET: secret,
    BETTER_AUTH_URL: 'http://localhost:3000',
    ENCRYPTION_KEY: secret,
    BACKUP_ENCRYPTION_KEY: secret,
    EMAIL_FROM: 'SV-SDK <noreply@example.org>',
    SMTP_URL: 'smtp://maildev:1025',
  };
  expect(await sdk('config check', whole)).toMatchObject({ exitCode: 0, stderr: '' });
});

test.each([
  [200, { ready: true, services: [{ name: 'database', ready: true }] }, 0],
  [503, { ready: false, services: [{ name: 'database', ready: false }] }, 1],
  [502, 'Bad Gateway', 1],
])('health: a platform that answers %i', async (status, body, expected) => {
  const server = createServer((request, response) => {
    const isAsked = request.url === '/health/ready';
    response.writeHead(isAsked ? status : 404).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
  const asked = [await sdk(`health --url ${url} --json`), await sdk('health', { PLATFORM_URL: url })];
  server.close();
  expect(asked.map(({ exitCode }) => exitCode)).toEqual([expected, expected]);
  expect(JSON.parse(asked[0]?.stdout ?? '')).toMatchObject({ ok: expected === 0 });
});

test('health: a platform that is not there', async () => {
  const { exitCode, stderr } = await sdk('health --url http://127.0.0.1:1');
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^sdk: http:\/\/127\.0\.0\.1:1\/health\/ready gave no answer .*\n$/);
});

test.each(['no-such-command', 'db no-such-command', 'db status --no-such-option', 'health too many'])(
  '%s: used wrongly, exit code 2',
  async (args) => {
    expect((await sdk(args)).exitCode).toBe(2);
  },
);

test('--help exits with 0', async () => {
  expect(await sdk('--help')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Usage: sdk') });
});
