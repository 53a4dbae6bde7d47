import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './load.ts';

let directory: string;
let ca: string;
let empty: string;
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'servers-'));
  ca = join(directory, 'ca');
  empty = join(directory, 'empty');
  writeFileSync(ca, CERTIFICATE);
  writeFileSync(empty, '\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

const faultsOf = (environment: Record<string, string>, names: Parameters<typeof loadConfig>[0]) => {
  try {
    loadConfig(names, environment);
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.faults.map(({ name, expected }) => [name, expected]));
  }
};

describe('a URL of Postgres', () => {
  const read = (url: string, caPath = empty) =>
    loadConfig(['DATABASE_URL'], { DATABASE_URL: url, DATABASE_CA_FILE: caPath }).DATABASE_URL;

  test.each(['postgres://sv_app@pgbouncer:6432/sv', 'postgres://sv_app:p@db.example/sv?sslmode=disable'])(
    'without TLS stays as it is: %s',
    (url) => expect(read(url, ca)).toBe(url),
  );

  test('with TLS is given the CA, where there is one', () => {
    const url = 'postgres://sv_app@db.example:5432/sv?sslmode=verify-full';
    expect(read(url)).toBe(url);
    expect(new URL(read(url, ca)).searchParams.get('sslrootcert')).toBe(ca);
  });

  test('without a user is used as the role that it is for', () => {
    expect(read('postgres://db.example/sv')).toBe('postgres://sv_app@db.example/sv');
    const direct = (url: string) =>
      loadConfig(['DATABASE_DIRECT_URL'], { DATABASE_DIRECT_URL: url }).DATABASE_DIRECT_URL;
    expect(direct('postgres://db.example/sv')).toBe('postgres://sv_owner@db.example/sv');
    // As Compose hands DATABASE_URL on.
    expect(direct('postgres://sv_app@db.example/sv')).toBe('postgres://sv_owner@db.example/sv');
    expect(direct('postgres://me@db.example/sv')).toBe('postgres://me@db.example/sv');
  });

  test.each(['require', 'prefer', 'verify-ca', 'allow', 'no-verify'])(
    'is refused with sslmode=%s, which checks less than all',
    (sslmode) =>
      expect(
        faultsOf({ DATABASE_URL: `postgres://db.example/sv?sslmode=${sslmode}` }, ['DATABASE_URL']),
      ).toEqual({ DATABASE_URL: expect.stringContaining('must say sslmode=verify-full') }),
  );

  test.each(['ssl=true', 'sslrootcert=/ca', 'sslmode=verify-full&uselibpqcompat=true'])(
    'is refused with %s, which would go past what is checked here',
    (parameters) =>
      expect(faultsOf({ DATABASE_URL: `postgres://db.example/sv?${parameters}` }, ['DATABASE_URL'])).toEqual({
        DATABASE_URL: expect.stringContaining('must not say'),
      }),
  );
});

test('a CA that can’t be read or is none is one fault, of whoever names a URL with TLS', () => {
  const urls = {
    DATABASE_URL: 'postgres://db.example/sv?sslmode=verify-full',
    DATABASE_DIRECT_URL: 'postgres://db.example/sv?sslmode=verify-full',
  };
  const names = ['DATABASE_URL', 'DATABASE_DIRECT_URL'] as const;
  expect(faultsOf({ ...urls, DATABASE_CA_FILE: '/nowhere' }, names)).toEqual({
    DATABASE_CA_FILE: 'must be a file that can be read (/nowhere: ENOENT)',
  });
  const noCertificate = join(directory, 'none');
  writeFileSync(noCertificate, 'hello');
  expect(faultsOf({ ...urls, DATABASE_CA_FILE: noCertificate }, names)).toEqual({
    DATABASE_CA_FILE: expect.stringContaining('certificates in PEM'),
  });
});

test('a URL of Redis names its CA only where it has TLS, and a CA', () => {
  const read = (url: string, caPath: string) =>
    loadConfig(['REDIS_URL'], { REDIS_URL: url, REDIS_CA_FILE: caPath }).REDIS_URL;
  expect(read('redis://redis:6379/0', ca)).toBe('redis://redis:6379/0');
  expect(read('rediss://cache.example:6379/0', empty)).toBe('rediss://cache.example:6379/0');
  for (const scheme of ['rediss', 'rediss-cluster']) {
    const url = new URL(read(`${scheme}://cache.example:6379`, ca));
    expect(url.searchParams.get('sslrootcert')).toBe(ca);
  }
});

describe('together', () => {
  const bundled = {
    DATABASE_URL: 'postgres://sv_app@pgbouncer:6432/sv',
    DATABASE_DIRECT_URL: 'postgres://sv_owner@postgres:5432/sv',
    DATABASE_REPLICA_URL: 'postgres://sv_app@pgbouncer:6432/sv_ro',
    REDIS_URL: 'redis://redis:6379/0',
    REDIS_QUEUE_URL: 'redis://redis-queue:6379/0',
  };
  const SERVER = 'postgres://db.example:5432/sv?sslmode=verify-full';
  const REPLICA = 'postgres://replica.example:5432/sv?sslmode=verify-full';
  const NAMED = ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL', 'REDIS_QUEUE_URL'];
  /** As Compose has it: what is set, and the default of what is not. */
  const together = (set: Record<string, string> = {}) => {
    const isPrimaryElsewhere = 'DATABASE_URL' in set || 'DATABASE_DIRECT_URL' in set;
    const environment: Record<string, string> = {
      ...bundled,
      DATABASE_DIRECT_URL: set['DATABASE_URL'] ?? bundled.DATABASE_DIRECT_URL,
      ...set,
      SERVERS_SET: NAMED.filter((name) => name in set).join(','),
      DATABASE_CA_FILE: set['DATABASE_CA_FILE'] ?? empty,
      REDIS_CA_FILE: set['REDIS_CA_FILE'] ?? empty,
    };
    if (isPrimaryElsewhere) {
      const pooled = 'DATABASE_REPLICA_DIRECT_URL' in set ? bundled.DATABASE_REPLICA_URL : '';
      environment['DATABASE_REPLICA_URL'] = set['DATABASE_REPLICA_URL'] ?? pooled;
    }
    return faultsOf(environment, [
      'DATABASE_URL',
      'DATABASE_DIRECT_URL',
      'DATABASE_REPLICA_URL',
      'DATABASE_REPLICA_DIRECT_URL',
      'DATABASE_CA_FILE',
      'REDIS_URL',
      'REDIS_QUEUE_URL',
      'REDIS_CA_FILE',
      'SERVERS_SET',
    ]);
  };

  test.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['Postgres behind the bundled PgBouncer', { DATABASE_DIRECT_URL: SERVER }],
    [
      'Postgres and its replica behind it',
      { DATABASE_DIRECT_URL: SERVER, DATABASE_REPLICA_DIRECT_URL: REPLICA },
    ],
    ['Postgres without PgBouncer', { DATABASE_URL: SERVER }],
    [
      'a pooler, the server behind it, and a replica',
      {
        DATABASE_URL: 'postgres://proxy.example/sv?sslmode=verify-full',
        DATABASE_DIRECT_URL: SERVER,
        DATABASE_REPLICA_URL: REPLICA,
      },
    ],
    ['only the cache', { REDIS_URL: 'rediss://cache.example:6379/0' }],
    ['only the queue', { REDIS_QUEUE_URL: 'rediss://queue.example:6379/0' }],
  ])('%s elsewhere is in order', (_what, set) => expect(together(set)).toEqual({}));

  test('every fault is listed at once', () => {
    expect(
      together({
        DATABASE_URL: 'postgres://db.example/sv',
        DATABASE_REPLICA_DIRECT_URL: REPLICA.replace('verify-full', 'disable'),
        DATABASE_REPLICA_URL: bundled.DATABASE_REPLICA_URL,
        REDIS_URL: 'redis://one.example',
        REDIS_QUEUE_URL: 'redis://one.example:6379/1',
        REDIS_CA_FILE: ca,
        DATABASE_CA_FILE: ca,
      }),
    ).toEqual({
      DATABASE_URL: expect.stringContaining('must say sslmode'),
      DATABASE_REPLICA_DIRECT_URL: expect.stringContaining('use DATABASE_REPLICA_URL instead'),
      DATABASE_CA_FILE: expect.stringContaining('no URL of Postgres says sslmode=verify-full'),
      REDIS_CA_FILE: expect.stringContaining('no URL of Redis begins with rediss://'),
      REDIS_QUEUE_URL: expect.stringContaining('must be another server than REDIS_URL'),
    });
  });

  test.each<[string, Record<string, string>, string]>([
    ['REDIS_URL', { REDIS_URL: 'redis://redis:6379/1' }, 'names a server of this stack'],
    ['DATABASE_URL', { DATABASE_URL: bundled.DATABASE_URL }, 'names a server of this stack'],
    ['DATABASE_REPLICA_URL', { DATABASE_REPLICA_URL: REPLICA }, 'its primary is not'],
    [
      'DATABASE_REPLICA_URL',
      { DATABASE_DIRECT_URL: SERVER, DATABASE_REPLICA_URL: bundled.DATABASE_REPLICA_URL },
      'name its replica, or leave it blank',
    ],
    [
      'DATABASE_REPLICA_DIRECT_URL',
      {
        DATABASE_DIRECT_URL: SERVER,
        DATABASE_REPLICA_DIRECT_URL: 'postgres://replica.example/sv?sslmode=disable',
      },
      'the same sslmode as DATABASE_DIRECT_URL',
    ],
  ])('%s that does not go with the others is refused: %j', (name, set, expected) =>
    expect(together(set)).toEqual({ [name]: expect.stringContaining(expected) }),
  );
});
