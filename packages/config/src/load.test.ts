import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConfigError, loadConfig, withCurrentPassword, withPassword } from './load.ts';
import { type SettingName, settings } from './settings.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const secretFile = (content: string) => {
  const path = join(directory, 'secret');
  writeFileSync(path, content);
  return path;
};

const faultsOf = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error('expected a ConfigError');
};

test('every fault is listed at once, each with its name and what is expected', () => {
  const faults = faultsOf(() =>
    loadConfig(['DATABASE_URL', 'DB_POOL_MAX', 'LOG_LEVEL', 'EMAIL_FROM'], {
      DB_POOL_MAX: 'many',
      LOG_LEVEL: 'loud',
    }),
  );
  expect(faults).toEqual([
    {
      name: 'DATABASE_URL',
      expected: 'is missing; it must be a URL that starts with postgres:// or postgresql://',
    },
    { name: 'DB_POOL_MAX', expected: 'must be a whole number from 1 to 1000' },
    { name: 'LOG_LEVEL', expected: 'must be one of trace, debug, info, warn, error, fatal' },
    { name: 'EMAIL_FROM', expected: expect.stringContaining('is missing') },
  ]);
});

test('the message names no value, which may be a secret', () => {
  const environment = { BETTER_AUTH_SECRET: 'too-short-but-secret' };
  expect(() => loadConfig(['BETTER_AUTH_SECRET'], environment)).toThrow(ConfigError);
  expect(() => loadConfig(['BETTER_AUTH_SECRET'], environment)).not.toThrow(/too-short-but-secret/);
});

describe('a value', () => {
  test('that is blank counts as unset', () => {
    expect(loadConfig(['LOG_LEVEL'], { LOG_LEVEL: '  ' }).LOG_LEVEL).toBe('info');
  });

  test('comes from the file that NAME_FILE names, without its last newline', () => {
    const DB_PASSWORD_FILE = secretFile('0123456789abcdef\n');
    expect(loadConfig(['DB_PASSWORD'], { DB_PASSWORD_FILE }).DB_PASSWORD).toBe('0123456789abcdef');
  });

  test('set both by name and by file is a fault', () => {
    const environment = { DB_PASSWORD: '0123456789abcdef', DB_PASSWORD_FILE: secretFile('0123456789abcdef') };
    expect(faultsOf(() => loadConfig(['DB_PASSWORD'], environment))).toEqual([
      { name: 'DB_PASSWORD', expected: expect.stringContaining('set twice') },
    ]);
  });

  test('in a file that is missing is a fault that names the file', () => {
    const DB_PASSWORD_FILE = join(directory, 'nowhere');
    expect(faultsOf(() => loadConfig(['DB_PASSWORD'], { DB_PASSWORD_FILE }))).toEqual([
      { name: 'DB_PASSWORD_FILE', expected: expect.stringContaining('ENOENT') },
    ]);
  });

  test('under a name of SV-SDK that means the same is found', () => {
    expect(loadConfig(['DB_POOL_MAX'], { DB_POOL_SIZE: '7' }).DB_POOL_MAX).toBe(7);
  });
});

test('no secret has a default, and well-known placeholders are refused', () => {
  const secrets: SettingName[] = [
    'BETTER_AUTH_SECRET',
    'ENCRYPTION_KEY',
    'DB_PASSWORD',
    'DB_OWNER_PASSWORD',
    'ADMIN_PASSWORD',
    'LOAD_API_KEY',
  ];
  for (const name of secrets) expect(settings[name].safeParse(undefined).success, name).toBe(false);
  expect(settings.BETTER_AUTH_SECRET.safeParse('change-me-change-me-change-me-change-me').success).toBe(
    false,
  );
});

describe('a key ring', () => {
  const [current, old] = ['a'.repeat(32), 'b'.repeat(32)];

  test('is one key, or the current one and those before it, a line each', () => {
    expect(loadConfig(['ENCRYPTION_KEY'], { ENCRYPTION_KEY: current }).ENCRYPTION_KEY).toEqual([current]);
    const ENCRYPTION_KEY_FILE = secretFile(`${current}\n${old}\n`);
    expect(loadConfig(['ENCRYPTION_KEY'], { ENCRYPTION_KEY_FILE }).ENCRYPTION_KEY).toEqual([current, old]);
  });

  test('is refused for one weak key in it', () => {
    expect(faultsOf(() => loadConfig(['ENCRYPTION_KEY'], { ENCRYPTION_KEY: `${current} short` }))).toEqual([
      { name: 'ENCRYPTION_KEY', expected: 'must have at least 32 characters' },
    ]);
  });
});

test('the password of a connection is read when it is made', () => {
  const path = secretFile('the first password');
  vi.stubEnv('DB_PASSWORD_FILE', path);
  vi.stubEnv('DB_PASSWORD', '');
  onTestFinished(() => void vi.unstubAllEnvs());
  const url = withCurrentPassword('postgres://sv_app@pgbouncer:6432/sv', 'DB_PASSWORD');
  expect(new URL(url()).password).toBe('the%20first%20password');
  writeFileSync(path, 'the second one');
  expect(new URL(url()).password).toBe('the%20second%20one');
  writeFileSync(path, '');
  expect(new URL(url()).password).toBe('the%20second%20one');
});

test('a password with reserved characters survives its way into a URL', () => {
  const url = new URL(withPassword('postgres://sv_app@pgbouncer:6432/sv', 'p@ss/w:rd%'));
  expect(decodeURIComponent(url.password)).toBe('p@ss/w:rd%');
  expect(url.username).toBe('sv_app');
});

describe('a Redis', () => {
  test('is one server or a cluster, and what is neither is told both', () => {
    const REDIS_URL = 'redis-cluster://redis-cluster:6379';
    expect(loadConfig(['REDIS_URL'], { REDIS_URL }).REDIS_URL).toBe(REDIS_URL);
    expect(faultsOf(() => loadConfig(['REDIS_URL'], { REDIS_URL: 'http://redis:6379' }))).toEqual([
      { name: 'REDIS_URL', expected: expect.stringMatching(/^must be .*redis:.*redis-cluster:/) },
    ]);
  });

  test('that is a cluster takes its password as one server does', () => {
    expect(withPassword('redis-cluster://sv@one:6379', 'p@ss')).toBe('redis-cluster://sv:p%40ss@one:6379');
  });
});

describe('the providers of email', () => {
  const names = Object.keys(settings).filter((name) =>
    /^(EMAIL|SMTP|AWS|SES|BREVO|SENDGRID)_/.test(name),
  ) as SettingName[];
  const faults = (environment: Record<string, string>) =>
    faultsOf(() => loadConfig(names, { EMAIL_FROM: 'a@sv.example', ...environment })).map(
      ({ name, expected }) => `${name} ${expected}`,
    );

  test.each([
    ['smtp', 'SMTP_URL'],
    ['ses', 'AWS_REGION'],
    ['brevo', 'BREVO_API_KEY'],
    ['sendgrid', 'SENDGRID_API_KEY'],
  ])('%s is refused without %s, as provider and as fallback', (provider, missing) => {
    expect(faults({ EMAIL_PROVIDER: provider })).toEqual([
      `${missing} is missing; EMAIL_PROVIDER=${provider} needs it`,
    ]);
    expect(faults({ EMAIL_PROVIDER: 'mock', EMAIL_FALLBACK_PROVIDER: provider })).toEqual([
      `${missing} is missing; EMAIL_FALLBACK_PROVIDER=${provider} needs it`,
    ]);
  });

  test('need nothing of those that are not chosen', () => {
    expect(loadConfig(names, { EMAIL_FROM: 'a@sv.example', EMAIL_PROVIDER: 'mock' }).EMAIL_PROVIDER).toBe(
      'mock',
    );
  });

  test('are two different ones, and have both halves of a login or none', () => {
    const environment = {
      EMAIL_PROVIDER: 'mock',
      EMAIL_FALLBACK_PROVIDER: 'mock',
      SMTP_USER: 'ada',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
    expect(faults(environment)).toEqual([
      'SMTP_PASSWORD is missing; SMTP_USER is set',
      'AWS_ACCESS_KEY_ID is missing; AWS_SECRET_ACCESS_KEY is set',
      'EMAIL_FALLBACK_PROVIDER must be another than EMAIL_PROVIDER',
    ]);
  });

  test('with a setting that is faulty by itself are told so once', () => {
    expect(faults({ EMAIL_PROVIDER: 'smtp', SMTP_URL: 'http://mail' })).toEqual([
      'SMTP_URL must be a URL that starts with smtp:// or smtps://',
    ]);
  });
});

test('replicas are URLs separated by commas, none where nothing is set', () => {
  const replicasOf = (value: string) =>
    loadConfig(['DATABASE_REPLICA_URL'], { DATABASE_REPLICA_URL: value }).DATABASE_REPLICA_URL;
  expect(replicasOf('')).toEqual([]);
  expect(replicasOf('postgres://u@a/sv')).toEqual(['postgres://u@a/sv']);
  expect(replicasOf('postgres://u@a/sv, postgresql://u@b/sv')).toEqual([
    'postgres://u@a/sv',
    'postgresql://u@b/sv',
  ]);
  expect(faultsOf(() => replicasOf('postgres://u@a/sv,b'))).toEqual([
    {
      name: 'DATABASE_REPLICA_URL',
      expected: 'must be a URL that starts with postgres:// or postgresql://',
    },
  ]);
});
