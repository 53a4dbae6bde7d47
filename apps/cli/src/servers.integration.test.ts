import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCache } from '@sv-sdk/cache';
import { loadConfig, type SettingName, settings } from '@sv-sdk/config';
import {
  createEmailQueue,
  createEmailWorker,
  createProducerConnection,
  createWorkerConnection,
  untilConnected,
} from '@sv-sdk/queue';
import { createLogger, createRegistry } from '@sv-sdk/telemetry';
import pg from 'pg';
import { GenericContainer, Wait } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Issued, issue } from '../../../test/harness/certificates.ts';
import {
  ADMIN_ROLE,
  logOf,
  type ManagedServer,
  startManagedPostgres,
  startManagedRedis,
} from '../../../test/harness/managed-servers.ts';
import { checkServers } from './servers.ts';
import { ADMIN_EMAIL, ADMIN_PASSWORD, LOAD_KEY, runSdk } from './testing/sdk.ts';

/** Servers that somebody else runs, with TLS only and a CA of their own, and without a superuser. */
let authority: Issued;
let postgres: ManagedServer;
let cache: ManagedServer;
let queue: ManagedServer;

let directory: string;
const files: Record<'ca' | 'otherCa', string> = { ca: '', otherCa: '' };
const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });

beforeAll(async () => {
  authority = await issue({ name: 'the provider', isAuthority: true });
  const { network } = inject('databaseServers');
  [postgres, cache, queue] = await Promise.all([
    startManagedPostgres({ authority, name: 'pg.managed.test', network }),
    startManagedRedis({ authority, name: 'cache.managed.test', policy: 'allkeys-lru' }),
    startManagedRedis({ authority, name: 'queue.managed.test', policy: 'noeviction' }),
  ]);
  directory = mkdtempSync(join(tmpdir(), 'managed-'));
  for (const [name, { pem }] of Object.entries({
    ca: authority,
    // Of the same name, and with another key.
    otherCa: await issue({ name: 'the provider', isAuthority: true }),
  })) {
    const path = join(directory, `${name}.pem`);
    writeFileSync(path, pem);
    files[name as keyof typeof files] = path;
  }
});

afterAll(async () => {
  rmSync(directory, { recursive: true });
  await Promise.all([postgres, cache, queue].map(({ container }) => container.stop()));
});

const secret = '0123456789abcdef0123456789abcdef';
const passwords = { sv_owner: `owner-${secret}`, sv_app: `app-${secret}`, sv_monitor: `monitor-${secret}` };

/** By a name that leads to the same server, and is not in its certificate. */
const wrongNameOf = ({ host }: ManagedServer) => (host === 'localhost' ? '127.0.0.1' : 'localhost');
const postgresUrl = (host = postgres.host) => `postgres://${host}:${postgres.port}/sv?sslmode=verify-full`;
const redisUrl = (server: ManagedServer, host = server.host) => `rediss://${host}:${server.port}/0`;

/** As Compose hands it to `sdk`, with everything elsewhere, and no user in any URL. */
const environment = () => ({
  SERVERS_SET: 'DATABASE_URL,DATABASE_DIRECT_URL,REDIS_URL,REDIS_QUEUE_URL',
  DATABASE_URL: postgresUrl(),
  DATABASE_DIRECT_URL: postgresUrl(),
  DATABASE_CA_FILE: files.ca,
  DB_PASSWORD: passwords.sv_app,
  DB_OWNER_PASSWORD: passwords.sv_owner,
  DB_MONITOR_PASSWORD: passwords.sv_monitor,
  REDIS_URL: redisUrl(cache),
  REDIS_PASSWORD: cache.password,
  REDIS_QUEUE_URL: redisUrl(queue),
  REDIS_QUEUE_PASSWORD: queue.password,
  REDIS_CA_FILE: files.ca,
  BETTER_AUTH_SECRET: secret,
  BETTER_AUTH_URL: 'http://localhost:3000',
  ENCRYPTION_KEY: secret,
  EMAIL_FROM: 'SV-SDK <noreply@example.org>',
  EMAIL_PROVIDER: 'mock',
  SV_ADMIN_EMAIL: ADMIN_EMAIL,
  ADMIN_PASSWORD,
  LOAD_API_KEY: LOAD_KEY,
  LOG_LEVEL: 'warn',
  // Who provides the server makes its backups.
  BACKUP_REPOSITORY: 'off',
});

/** As `config check --connect`, without a process for each look: its faults, by the names of the settings. */
const faultsWith = async (changes: Record<string, string> = {}) => {
  const config = loadConfig(Object.keys(settings) as SettingName[], { ...environment(), ...changes });
  const faults = await checkServers(config);
  return Object.fromEntries(faults.map(({ name, expected }) => [name, expected]));
};

const prepare = (args: string[] = []) =>
  runSdk(
    ['db', 'prepare', '--admin', ADMIN_ROLE, '--password-stdin', ...args],
    environment(),
    `${postgres.password}\n`,
  );

async function query(role: string, password: string, statement: string, database = 'sv') {
  const client = new pg.Client({
    connectionString: `postgres://${role}:${password}@${postgres.host}:${postgres.port}/${database}`,
    ssl: { ca: authority.pem },
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe('db prepare, by an administrator who is no superuser', () => {
  test('until then, config check says what is to be run', async () => {
    const { exitCode, stdout } = await runSdk(['config', 'check', '--connect', '--json'], environment());
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).faults).toEqual(
      ['DATABASE_DIRECT_URL', 'DATABASE_URL'].map((name) => ({
        name,
        expected: expect.stringContaining('make sdk ARGS="db prepare --admin NAME"'),
      })),
    );
  });

  test('with a wrong password says so, and changes nothing', async () => {
    const { exitCode, stderr } = await runSdk(
      ['db', 'prepare', '--admin', ADMIN_ROLE, '--password-stdin'],
      environment(),
      'not this one',
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain('DATABASE_DIRECT_URL');
    expect(stderr).toContain(`password authentication failed for user "${ADMIN_ROLE}"`);
  });

  test('makes roles and database once, changes nothing the second time, and takes a new password', async () => {
    const first = await prepare(['--json']);
    expect(first.exitCode, first.stderr + first.stdout).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({
      ok: true,
      rolesMade: ['sv_owner', 'sv_app', 'sv_monitor'],
      database: 'made',
      // The extension is trusted by no server; RDS' administrator may make it all the same.
      notes: [expect.stringContaining('pg_stat_statements')],
    });
    const second = await prepare(['--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({ rolesMade: [], database: 'there already' });
    passwords.sv_monitor = `other-${secret}`;
    await prepare();
    expect(await query('sv_monitor', passwords.sv_monitor, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('leaves the roles no more than they need, and nobody else in', async () => {
    const [rights] = await query(
      'sv_app',
      passwords.sv_app,
      `select pg_has_role('sv_monitor', 'pg_monitor', 'member') as monitors,
              has_database_privilege('sv', 'create') as creates,
              (select count(*)::int from pg_roles where rolname like 'sv\\_%' and
                 (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)) as mighty,
              pg_has_role('${ADMIN_ROLE}', 'sv_owner', 'set') as admin_is_owner,
              current_setting('statement_timeout') as limit`,
    );
    expect(rights).toEqual({
      monitors: true,
      creates: false,
      mighty: 0,
      admin_is_owner: false,
      limit: '15s',
    });
    await query(ADMIN_ROLE, postgres.password, "create role stranger login password 'stranger'", 'postgres');
    await expect(query('stranger', 'stranger', 'select 1')).rejects.toThrow('permission denied for database');
  });

  test('shows no password to who reads the server’s log', async () => {
    const lines = await logOf(postgres.container);
    expect(lines).toContain('role sv_app login password');
    expect(lines).not.toContain(secret);
  });

  test('then the migrations run as they do on the bundled server', async () => {
    const { exitCode, stdout, stderr } = await runSdk(['db', 'migrate', '--json'], environment());
    expect(exitCode, stderr + stdout).toBe(0);
    const { applied, total } = JSON.parse(stdout);
    expect(applied).toBe(total);
    expect(await faultsWith()).toEqual({});
  });
});

describe('over TLS', () => {
  test('a command of the app’s role reads and writes', async () => {
    const created = await runSdk(
      ['auth', 'create', '--email', 'ada@example.org', '--name', 'Ada', '--generate'],
      environment(),
    );
    expect(created.exitCode, created.stderr).toBe(0);
    const { stdout } = await runSdk(['auth', 'list', '--search', 'ada@', '--json'], environment());
    expect(JSON.parse(stdout).users).toMatchObject([{ email: 'ada@example.org' }]);
  });

  test('the cache keeps values and its channel proves itself', async () => {
    const config = loadConfig(['REDIS_URL', 'REDIS_PASSWORD'], environment());
    const opened = createCache({
      url: withPassword(config.REDIS_URL),
      logger,
      registry: createRegistry({ service: 'test', version: 'test' }),
    });
    await opened.whenTrusted();
    expect(await opened.set('user:1', { name: 'Ada' }, 60)).toBe(true);
    expect(await opened.get('user:1')).toEqual({ name: 'Ada' });
    await opened.close();
  });

  test('the queue takes a job and gives it to a worker', async () => {
    const config = loadConfig(['REDIS_QUEUE_URL'], environment());
    const url = withPassword(config.REDIS_QUEUE_URL, queue.password);
    const adding = createProducerConnection(url, logger);
    const taking = createWorkerConnection(url, logger);
    await untilConnected(adding);
    const emails = createEmailQueue(adding, logger);
    const taken = Promise.withResolvers<string>();
    const worker = createEmailWorker({
      connection: taking,
      concurrency: 1,
      logger,
      handlers: { send: async ({ emailSendId }) => taken.resolve(emailSendId) },
    });
    const emailSendId = randomUUID();
    await emails.addSends([{ emailSendId, priority: 5, dueAt: new Date() }]);
    expect(await taken.promise).toBe(emailSendId);
    await worker.close();
    await emails.close();
    adding.disconnect();
    taking.disconnect();
  });

  test('more instances than the server itself has connections for are refused, as by `make scale`', async () => {
    const plan = (APP_INSTANCES: string) =>
      runSdk(['config', 'plan', '--connect'], { ...environment(), APP_INSTANCES });
    const refused = await plan('500');
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/Postgres allows \d+, and all together may need \d{4}/);
    expect(refused.stderr).toMatch(/500 apps of up to \d+ +\d{4}/);
    expect(await plan('1')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('PgBouncer stands in front of the server, and checks its certificate', async () => {
    expect(await askThroughPgbouncer(authority.pem)).toMatchObject({ rows: [{ ssl: true }] });
    const other = await issue({ name: 'the provider', isAuthority: true });
    const refused = await askThroughPgbouncer(other.pem);
    expect(refused.rows).toEqual([]);
    expect(refused.log).toContain('TLS handshake error');
  });
});

describe('config check --connect refuses', () => {
  test('servers of a CA that is not trusted: each by its setting, with the file to fill', async () => {
    const faults = await faultsWith({ DATABASE_CA_FILE: files.otherCa, REDIS_CA_FILE: files.otherCa });
    expect(Object.keys(faults).toSorted()).toEqual([
      'DATABASE_DIRECT_URL',
      'DATABASE_URL',
      'REDIS_QUEUE_URL',
      'REDIS_URL',
    ]);
    expect(faults['DATABASE_URL']).toContain('not trusted');
    expect(faults['DATABASE_URL']).toContain('secrets/database_ca');
    expect(faults['REDIS_URL']).toContain('secrets/redis_ca');
  });

  test('servers under a name that their certificate is not for', async () => {
    const faults = await faultsWith({
      DATABASE_URL: postgresUrl(wrongNameOf(postgres)),
      REDIS_URL: redisUrl(cache, wrongNameOf(cache)),
      REDIS_QUEUE_URL: redisUrl(queue, wrongNameOf(queue)),
    });
    expect(Object.keys(faults).toSorted()).toEqual(['DATABASE_URL', 'REDIS_QUEUE_URL', 'REDIS_URL']);
    for (const expected of Object.values(faults)) {
      expect(expected).toContain('has a certificate for another host name');
    }
  });

  test('a queue that evicts, where CONFIG is forbidden, too', async () => {
    const faults = await faultsWith({
      REDIS_URL: redisUrl(queue),
      REDIS_PASSWORD: queue.password,
      REDIS_QUEUE_URL: redisUrl(cache),
      REDIS_QUEUE_PASSWORD: cache.password,
    });
    expect(Object.keys(faults)).toEqual(['REDIS_QUEUE_URL']);
    expect(faults['REDIS_QUEUE_URL']).toContain('"allkeys-lru"; "noeviction" is expected');
  });

  test('a replica that is none, a wrong password, and a server that is not there', async () => {
    const faults = await faultsWith({
      DATABASE_REPLICA_URL: postgresUrl(),
      REDIS_PASSWORD: 'not this one',
      REDIS_QUEUE_URL: 'rediss://127.0.0.1:1/0',
    });
    expect(Object.keys(faults).toSorted()).toEqual(['DATABASE_REPLICA_URL', 'REDIS_QUEUE_URL', 'REDIS_URL']);
    expect(faults['DATABASE_REPLICA_URL']).toContain('is no streaming replica');
    expect(faults['REDIS_URL']).toContain('secrets/redis_password');
    expect(faults['REDIS_QUEUE_URL']).toContain("127.0.0.1:1 can't be reached");
  });
});

/** Whether the server says that it is asked over TLS, by a PgBouncer that trusts this CA; and what PgBouncer logged. */
async function askThroughPgbouncer(ca: string): Promise<{ rows: unknown[]; log: string }> {
  const container = await new GenericContainer(`sv-sdk/pgbouncer:${process.env['SV_VERSION'] || 'dev'}`)
    .withNetworkMode(inject('databaseServers').network)
    .withEnvironment({ DATABASE_DIRECT_URL: 'postgres://pg.managed.test/sv?sslmode=verify-full' })
    .withCopyContentToContainer(
      Object.entries({
        database_ca: ca,
        db_app_password: passwords.sv_app,
        db_monitor_password: passwords.sv_monitor,
        db_pgbouncer_password: secret,
        pgbouncer_console_password: secret,
      }).map(([name, content]) => ({ content, target: `/run/secrets/${name}`, mode: 0o444 })),
    )
    .withExposedPorts(6432)
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  const client = new pg.Client({
    connectionString: `postgres://sv_app:${passwords.sv_app}@${container.getHost()}:${container.getMappedPort(6432)}/sv`,
  });
  client.on('error', () => undefined);
  try {
    // A client waits for a server until query_wait_timeout, 10 s; that nobody came in is in the log.
    const { rows } = await client
      .connect()
      .then(() => client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()'))
      .catch(() => ({ rows: [] }));
    return { rows, log: await logOf(container) };
  } finally {
    await client.end();
    await container.stop();
  }
}

function withPassword(url: string, password = cache.password): string {
  const parsed = new URL(url);
  parsed.password = password;
  return parsed.href;
}
