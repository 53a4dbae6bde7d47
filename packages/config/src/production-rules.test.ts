import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './load.ts';
import { type SettingName, settings } from './settings.ts';

/** As `make up` makes them: each another. */
const generated = (seed: number) => createHash('sha256').update(String(seed)).digest('hex');
const SECRETS = [
  'ADMIN_PASSWORD',
  'BACKUP_ENCRYPTION_KEY',
  'BETTER_AUTH_SECRET',
  'DB_MONITOR_PASSWORD',
  'DB_OWNER_PASSWORD',
  'DB_PASSWORD',
  'DB_PGBOUNCER_PASSWORD',
  'DB_REPLICATION_PASSWORD',
  'ENCRYPTION_KEY',
  'GRAFANA_ADMIN_PASSWORD',
  'LOAD_API_KEY',
  'PGBOUNCER_CONSOLE_PASSWORD',
  'POSTGRES_PASSWORD',
  'REDIS_PASSWORD',
  'REDIS_QUEUE_PASSWORD',
] as const satisfies readonly SettingName[];

/** As a person makes it up; long enough for any stack. */
const MADE_UP = 'abcabc'.repeat(8);
/** Rings whose older keys only open what is there already. */
const ONLY_READ_WITH = ['ENCRYPTION_KEY', 'BACKUP_ENCRYPTION_KEY'];

/** What production starts with. */
const SOUND: Record<string, string> = {
  SV_ENV: 'production',
  DOMAIN: 'api.sv.internal',
  ACME_EMAIL: 'ada@sv.internal',
  BETTER_AUTH_URL: 'https://api.sv.internal',
  CORS_ORIGIN: 'https://app.sv.internal',
  DATABASE_URL: 'postgres://sv_app@pgbouncer:6432/sv',
  DATABASE_DIRECT_URL: 'postgres://sv_owner@postgres:5432/sv',
  REDIS_URL: 'redis://redis:6379/0',
  REDIS_QUEUE_URL: 'redis://redis-queue:6379/0',
  EMAIL_FROM: 'SV-SDK <noreply@sv.internal>',
  EMAIL_PROVIDER: 'smtp',
  SMTP_URL: 'smtps://smtp.sv.internal',
  SV_ADMIN_EMAIL: 'ada@sv.internal',
  SECRETS_FOLDER_MODE: 'rwx------',
  ...Object.fromEntries(SECRETS.map((name, index) => [name, generated(index)])),
};

/** As `sdk config check` reads them; by name. */
function faultsOf(changes: Record<string, string>): Record<string, string> {
  try {
    loadConfig(Object.keys(settings) as SettingName[], { ...SOUND, ...changes });
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.faults.map(({ name, expected }) => [name, expected]));
  }
}

test('production starts with sound settings', () => {
  expect(faultsOf({})).toEqual({});
});

describe('production refuses', () => {
  test.each<[string, SettingName, Record<string, string>]>([
    ['a catcher for mail', 'SMTP_URL', { SMTP_URL: 'smtp://maildev:1025' }],
    ['a catcher of one’s own', 'SMTP_URL', { SMTP_URL: 'smtp://mailpit:1025' }],
    ['the container itself as the mail server', 'SMTP_URL', { SMTP_URL: 'smtp://localhost:25' }],
    [
      'a catcher as the fallback',
      'SMTP_URL',
      {
        EMAIL_PROVIDER: 'brevo',
        BREVO_API_KEY: 'k',
        EMAIL_FALLBACK_PROVIDER: 'smtp',
        SMTP_URL: 'smtp://maildev',
      },
    ],
    ['mail that is only pretended', 'EMAIL_PROVIDER', { EMAIL_PROVIDER: 'mock' }],
    ['a pretended fallback', 'EMAIL_FALLBACK_PROVIDER', { EMAIL_FALLBACK_PROVIDER: 'mock' }],
    ['the sender of the example', 'EMAIL_FROM', { EMAIL_FROM: 'SV-SDK <noreply@localhost.localdomain>' }],
    ['a cookie that goes over HTTP', 'BETTER_AUTH_URL', { BETTER_AUTH_URL: 'http://api.sv.internal' }],
    [
      'links with tokens that go over HTTP',
      'AUTH_LINK_BASE_URL',
      { AUTH_LINK_BASE_URL: 'http://app.sv.internal' },
    ],
    ['cookies and links of another name', 'BETTER_AUTH_URL', { BETTER_AUTH_URL: 'https://www.sv.internal' }],
    ['a domain without an address for its authority', 'ACME_EMAIL', { ACME_EMAIL: '' }],
    ['every origin', 'CORS_ORIGIN', { CORS_ORIGIN: '*' }],
    [
      'every origin below a domain',
      'CORS_ORIGIN',
      { CORS_ORIGIN: 'https://app.sv.internal,https://*.sv.internal' },
    ],
    ['the origin of files and sandboxes', 'CORS_ORIGIN', { CORS_ORIGIN: 'null' }],
    ['an origin that anybody on the way can be', 'CORS_ORIGIN', { CORS_ORIGIN: 'http://app.sv.internal' }],
    ['debug logs', 'LOG_LEVEL', { LOG_LEVEL: 'debug' }],
    ['trace logs', 'LOG_LEVEL', { LOG_LEVEL: 'trace' }],
    ['a short password', 'ADMIN_PASSWORD', { ADMIN_PASSWORD: 'aB3$eF6&hJ9!x' }],
    ['a password that was made up', 'ADMIN_PASSWORD', { ADMIN_PASSWORD: 'MyPassword-2026-11' }],
    ['a secret of few characters', 'BETTER_AUTH_SECRET', { BETTER_AUTH_SECRET: MADE_UP }],
    ['a missing secret', 'BETTER_AUTH_SECRET', { BETTER_AUTH_SECRET: '' }],
    ['a bundled Redis without its password', 'REDIS_PASSWORD', { REDIS_PASSWORD: '' }],
    ['a bundled PgBouncer without its password', 'DB_PGBOUNCER_PASSWORD', { DB_PGBOUNCER_PASSWORD: '' }],
    ['a missing superuser’s password', 'POSTGRES_PASSWORD', { POSTGRES_PASSWORD: '' }],
    ['a world-readable secrets/', 'SECRETS_FOLDER_MODE', { SECRETS_FOLDER_MODE: 'rwxr-xr-x' }],
  ])('%s', (_what, name, changes) => {
    expect(Object.keys(faultsOf(changes))).toEqual([name]);
  });

  test('one value for two secrets, and names both without telling it', () => {
    const faults = faultsOf({ REDIS_PASSWORD: generated(40), REDIS_QUEUE_PASSWORD: generated(40) });
    expect(faults).toEqual({
      REDIS_PASSWORD: 'must be another than REDIS_QUEUE_PASSWORD (SV_ENV=production)',
      REDIS_QUEUE_PASSWORD: 'must be another than REDIS_PASSWORD (SV_ENV=production)',
    });
  });

  describe('of a ring', () => {
    test.each([
      { ring: [MADE_UP, generated(40)], line: 1, remedy: '' },
      {
        ring: [generated(40), MADE_UP],
        line: 2,
        remedy: '; make rotate SECRET=better_auth_secret FORGET=1 takes it out',
      },
    ])('a weak key in line $line, and tells in which', ({ ring, line, remedy }) => {
      expect(faultsOf({ BETTER_AUTH_SECRET: ring.join('\n') })).toEqual({
        BETTER_AUTH_SECRET: `its line ${line} must be generated, not made up${remedy} (SV_ENV=production)`,
      });
    });

    test.each(ONLY_READ_WITH)('a weak key that %s uses', (name) => {
      expect(faultsOf({ [name]: [MADE_UP, generated(40)].join('\n') })).toEqual({
        [name]: 'its line 1 must be generated, not made up (SV_ENV=production)',
      });
    });

    test('a key that another secret has, too', () => {
      const faults = faultsOf({
        BETTER_AUTH_SECRET: [generated(40), generated(41)].join('\n'),
        REDIS_PASSWORD: generated(40),
      });
      expect(faults).toEqual({
        BETTER_AUTH_SECRET: 'its line 1 must be another than REDIS_PASSWORD (SV_ENV=production)',
        REDIS_PASSWORD: 'must be another than BETTER_AUTH_SECRET (SV_ENV=production)',
      });
    });
  });

  test.each(ONLY_READ_WITH)('an older key of %s as another secret: of that one', (name) => {
    const faults = faultsOf({
      [name]: [generated(40), generated(41)].join('\n'),
      REDIS_PASSWORD: generated(41),
    });
    expect(faults).toEqual({ REDIS_PASSWORD: `must be another than ${name} (SV_ENV=production)` });
  });

  test('everything at once, as a list', () => {
    const faults = faultsOf({
      SMTP_URL: 'smtp://maildev:1025',
      BETTER_AUTH_URL: 'http://localhost:3000',
      CORS_ORIGIN: '*',
      LOG_LEVEL: 'debug',
      ENCRYPTION_KEY: 'a'.repeat(64),
      SECRETS_FOLDER_MODE: 'rwxr-xr-x',
    });
    expect(Object.keys(faults).toSorted()).toEqual([
      'BETTER_AUTH_URL',
      'CORS_ORIGIN',
      'ENCRYPTION_KEY',
      'LOG_LEVEL',
      'SECRETS_FOLDER_MODE',
      'SMTP_URL',
    ]);
  });
});

test('production starts while a secret is changed, with both keys in its ring', () => {
  expect(faultsOf({ BETTER_AUTH_SECRET: [generated(40), generated(41)].join('\n') })).toEqual({});
});

test.each(ONLY_READ_WITH)('production starts on data that lies under a weak older key of %s', (name) => {
  expect(faultsOf({ [name]: [generated(40), MADE_UP].join('\n') })).toEqual({});
});

test('a server elsewhere need have no password of ours', () => {
  const elsewhere = {
    REDIS_URL: 'rediss://cache.sv.internal:6379',
    REDIS_PASSWORD: '',
    SERVERS_SET: 'REDIS_URL',
  };
  expect(faultsOf(elsewhere)).toEqual({});
});

test('a process is refused by what it reads', () => {
  const worker = { SV_ENV: 'production', EMAIL_PROVIDER: 'mock', LOG_LEVEL: 'debug' };
  const names = ['SV_ENV', 'EMAIL_PROVIDER', 'EMAIL_FALLBACK_PROVIDER', 'SMTP_URL', 'LOG_LEVEL'] as const;
  expect(() => loadConfig(names, worker)).toThrow(
    /EMAIL_PROVIDER: [\s\S]*LOG_LEVEL: |LOG_LEVEL: [\s\S]*EMAIL_PROVIDER: /,
  );
});

test.each([{ SV_ENV: 'development' }, { SV_ENV: '' }])('%j refuses none of it', (environment) => {
  const changes = {
    SMTP_URL: 'smtp://maildev:1025',
    BETTER_AUTH_URL: 'http://localhost:3000',
    CORS_ORIGIN: '*',
  };
  expect(faultsOf({ ...changes, ...environment })).toEqual({});
});

describe('the proxies whose word on addresses is believed', () => {
  const read = (value: string) => loadConfig(['TRUSTED_PROXIES'], { TRUSTED_PROXIES: value }).TRUSTED_PROXIES;

  test('are ranges of both kinds of addresses', () => {
    expect(read('192.0.2.0/24, 2001:db8::/32')).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    expect(read('')).toEqual([]);
  });

  test.each(['0.0.0.0/0', '::/0', '192.0.2.1', 'cdn.example.org', '192.0.2.0/33'])('are not %s', (value) => {
    expect(() => read(value)).toThrow(ConfigError);
  });
});

test.each(['api.sv.internal', 'a-b.sv.co.uk'])('%s is a domain', (value) => {
  expect(settings.DOMAIN.safeParse(value).success).toBe(true);
});
test.each([
  'localhost',
  'API.sv.internal',
  'https://api.sv.internal',
  '192.0.2.1',
  'api..de',
  '-a.de',
  'a.de/',
])('%s is no domain', (value) => {
  expect(settings.DOMAIN.safeParse(value).success).toBe(false);
});
