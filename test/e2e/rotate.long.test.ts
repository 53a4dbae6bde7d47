/**
 * Secrets that are changed under an open load of GETs and of POSTs with a key: not one may fail, and what was made under the
 * old value is still good.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { call, eventually, scrapeTargets, signIn } from './client.ts';
import { untilHealthy } from './containers.ts';
import { interruptAt } from './interrupt.ts';
import { countsOf, type OpenLoad, startOpenLoad, untilServed } from './load.ts';
import {
  containersOf,
  onPrimary,
  secret,
  secretsDirectory,
  shell,
  shellOrThrow,
  startStack,
} from './stack.ts';

const SOME = 60;
const SERVED_LIMIT_SECONDS = 60;
const MINUTES = { timeoutSeconds: 600 };

beforeAll(startStack);

async function loadOfTest(): Promise<OpenLoad> {
  const load = await startOpenLoad();
  onTestFinished(async () => void (await load.stop()));
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  return load;
}

async function expectNoneFailed(load: OpenLoad, what: string): Promise<void> {
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  const outcomes = await load.stop();
  console.info(`${what}: ${load.summary()}`);
  expect(countsOf(outcomes.filter(({ isGood }) => !isGood))).toBe('');
}

async function rotate(name: string): Promise<{ old: string; current: string }> {
  const old = secret(name);
  const load = await loadOfTest();
  const { seconds } = await shellOrThrow(`make rotate SECRET=${name}`, MINUTES);
  await expectNoneFailed(load, `make rotate SECRET=${name} (${seconds.toFixed(0)} s)`);
  const current = secret(name);
  expect(current).not.toBe(old);
  for (const kept of ['.next-', '.old-']) expect(existsSync(join(secretsDirectory, kept + name))).toBe(false);
  return { old, current };
}

/** Whether a role gets in at the server itself. */
async function opens(role: string, password: string): Promise<boolean> {
  const { exitCode } = await shell(
    `docker compose exec -T -e PGPASSWORD=${password} postgres psql "host=postgres user=${role} dbname=sv" -Atqc 'select 1'`,
  );
  return exitCode === 0;
}

/** What makes PgBouncer and the pools connect anew. */
const cutAllConnections = () =>
  onPrimary("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'sv_app'");

test.each([
  ['postgres_password', 'postgres'],
  ['db_owner_password', 'sv_owner'],
  ['db_app_password', 'sv_app'],
  ['db_pgbouncer_password', 'sv_pgbouncer'],
  ['db_monitor_password', 'sv_monitor'],
])(
  '%s is changed under load, and the old one opens nothing',
  async (name, role) => {
    const { old, current } = await rotate(name);
    expect([await opens(role, old), await opens(role, current)]).toEqual([false, true]);
    // New connections are made with it, too.
    await cutAllConnections();
    await eventually(
      () => signIn().catch(() => ''),
      (token) => token !== '',
      { seconds: 30, what: 'a sign-in' },
    );
    await eventually(scrapeTargets, (targets) => targets.every(({ health }) => health === 'up'), {
      seconds: 90,
      what: 'all targets up',
    });
  },
  900_000,
);

test('db_replication_password is changed under load, and a standby that connects anew streams', async () => {
  await rotate('db_replication_password');
  await onPrimary('select count(pg_terminate_backend(pid)) from pg_stat_replication');
  await eventually(
    () => onPrimary("select count(*) from pg_stat_replication where state = 'streaming'"),
    ([count]) => Number(count) > 0,
    { seconds: 60, what: 'a standby that streams' },
  );
}, 900_000);

test.each([
  ['redis_password', 'redis'],
  ['redis_queue_password', 'redis-queue'],
])(
  '%s is changed under load, and the old one opens nothing',
  async (name, service) => {
    const { old, current } = await rotate(name);
    const ping = async (password: string) =>
      (
        await shellOrThrow(
          `docker compose exec -T -e REDISCLI_AUTH=${password} ${service} redis-cli ping 2>&1`,
        )
      ).stdout;
    expect(await ping(old)).not.toContain('PONG');
    expect(await ping(current)).toContain('PONG');
    await untilHealthy();
  },
  900_000,
);

test('encryption_key is changed under load; kept answers are still given, and the audit log is as it was sealed', async () => {
  const token = await signIn();
  const request = {
    token,
    body: { email: `${randomUUID()}@example.org` },
    headers: { 'idempotency-key': randomUUID() },
  };
  const first = await call('POST', '/api/v1/suppressions', request);
  expect(first.status).toBe(201);
  const { old, current } = await rotate('encryption_key');
  expect(current.split('\n').slice(1)).toEqual(old.split('\n'));
  const again = await call('POST', '/api/v1/suppressions', request);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body.data).toEqual(first.body.data);
  // Rows of before the change, and since: the sealer waits for 25 s.
  await eventually(
    () =>
      onPrimary(
        "select count(*) from audit.audit_logs where event_type = 'audit.rekeyed' and sequence is not null",
      ),
    ([count]) => Number(count) > 0,
    { seconds: 90, what: 'the change in the chain' },
  );
  const { output } = await shellOrThrow('make sdk ARGS="audit verify"', MINUTES);
  expect(output).toContain('as it was sealed');
  expect(output).not.toContain('NOT AS IT WAS SEALED');
  expect((await shell('make rotate SECRET=encryption_key FORGET=1')).output).toContain('Refused');
}, 900_000);

test('better_auth_secret is changed under load, and a cookie of before is good until the old secret is forgotten', async () => {
  const { cookie } = await signInByCookie();
  await rotate('better_auth_secret');
  const withCookie = () => call('GET', '/api/v1/auth/session', { headers: { cookie } });
  expect((await withCookie()).status).toBe(200);
  await shellOrThrow('make rotate SECRET=better_auth_secret FORGET=1', MINUTES);
  expect((await withCookie()).status).toBe(401);
}, 900_000);

async function signInByCookie(): Promise<{ cookie: string }> {
  const { headers } = await call('POST', '/api/v1/auth/login', {
    body: { email: 'admin@example.org', password: secret('admin_password') },
  });
  return {
    cookie: headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
  };
}

test('admin_password, load_api_key and a provider’s key are changed, too', async () => {
  await shellOrThrow('make rotate SECRET=admin_password', MINUTES);
  expect(await signIn()).not.toBe('');
  const oldKey = secret('load_api_key');
  await shellOrThrow('make rotate SECRET=load_api_key', MINUTES);
  const status = async (apiKey: string) => (await call('GET', '/api/v1/users', { apiKey })).status;
  await eventually(
    () => status(oldKey),
    (answer) => answer === 401,
    { seconds: 10, what: 'the old key refused' },
  );
  expect(await status(secret('load_api_key'))).toBe(200);
  const key = randomUUID();
  await shellOrThrow(`printf %s ${key} | make rotate SECRET=brevo_api_key`, MINUTES);
  const [worker] = await containersOf('worker');
  expect((await shellOrThrow(`docker exec ${worker} cat /run/secrets/brevo_api_key`)).stdout).toBe(key);
}, 900_000);

test('the key of the backups is changed; both repositories can be read', async () => {
  await shellOrThrow('make rotate SECRET=backup_encryption_key', MINUTES);
  const setsBy = async (number: string) => {
    const { stdout } = await shellOrThrow(
      `docker compose run --rm --no-deps -T -e BACKUP_KEY_NUMBER=${number} --entrypoint backup-restore.sh postgres describe`,
    );
    return JSON.parse(stdout.slice(stdout.indexOf('{'))).info[0].backup.length as number;
  };
  expect(await setsBy('')).toBe(1);
  expect(await setsBy('1')).toBeGreaterThan(0);
}, 900_000);

test('killed half-way nothing fails, and the same command goes on', async () => {
  const load = await loadOfTest();
  const old = secret('redis_password');
  await interruptAt('rotate', /app-\d+ is gone after/, { variables: { SECRET: 'redis_password' } });
  const { output } = await shellOrThrow('make rotate SECRET=redis_password', MINUTES);
  expect(output).toContain('An interrupted rotation of redis_password is gone on with');
  await expectNoneFailed(load, 'a rotation that is killed, and the one that finishes it');
  expect(secret('redis_password')).not.toBe(old);
}, 900_000);

test.each([
  ['SECRET=nonsense', 'one of these is expected'],
  ['', 'one of these is expected'],
  ['SECRET=db_app_password FORGET=1', 'has no older values'],
  ['SECRET=smtp_password </dev/null', 'the new value is empty'],
  ['SECRET=smtp_password <<<""', 'the new value is empty'],
  ['SECRET=acme_ca <README.md', 'the new value is no certificate in PEM'],
])('`make rotate %s` is refused, and changes nothing', async (words, why) => {
  const before = readFileSync(join(secretsDirectory, 'db_app_password'), 'utf8');
  const { exitCode, output } = await shell(`make rotate ${words}`);
  expect(exitCode).not.toBe(0);
  expect(output).toContain(why);
  expect(readFileSync(join(secretsDirectory, 'db_app_password'), 'utf8')).toBe(before);
});
