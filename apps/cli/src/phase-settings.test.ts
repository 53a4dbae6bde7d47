import { ConfigError } from '@sv-sdk/config';
import type { PhaseNumber } from '@sv-sdk/scaling';
import { describe, expect, test } from 'vitest';
import { applyPhase } from './phase-settings.ts';

/** As `make up` leaves it, shortened. */
const FRESH = `# Settings of a stack.
COMPOSE_PROJECT_NAME=sv-sdk
COMPOSE_FILE=docker-compose.yml

# How many to start.
APP_INSTANCES=2
WORKER_INSTANCES=2
BALANCER_PREFIX=172.16.251
`;

const HOST = { cores: 8, memoryBytes: 64 * 1024 ** 3 };
const apply = (file: string, number: PhaseNumber) => applyPhase(file, number, HOST);
const settingsOf = (file: string) =>
  Object.fromEntries(
    file
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => line.split(/=(.*)/).slice(0, 2)),
  );

test('a phase changes its lines in their place, adds what is missing, and leaves all else as it is', () => {
  const { text, changes, kept } = apply(FRESH, 2);
  expect(text).toContain(
    '# How many to start.\nAPP_INSTANCES=4\nWORKER_INSTANCES=4\nBALANCER_PREFIX=172.16.251\n',
  );
  expect(settingsOf(text)).toMatchObject({
    COMPOSE_FILE: 'docker-compose.yml',
    APP_MEMORY: '320m',
    POSTGRES_MEMORY: '4096m',
    POSTGRES_SHARED_BUFFERS: '1024MB',
    POSTGRES_CPUS: '8',
    REDIS_MAXMEMORY: '1024mb',
    REDIS_MEMORY: '2048m',
    REDIS_QUEUE_MAXMEMORY: '512mb',
    REDIS_QUEUE_MEMORY: '1280m',
  });
  expect(changes).toContainEqual({ name: 'APP_INSTANCES', from: '2', to: '4' });
  expect(changes).toContainEqual({ name: 'POSTGRES_CPUS', from: undefined, to: '8' });
  expect(kept).toEqual([]);
});

test('the same phase again changes nothing', () => {
  for (const number of [1, 2, 3] as const) {
    const once = apply(FRESH, number).text;
    expect(apply(once, number)).toMatchObject({ text: once, changes: [], kept: [] });
  }
});

test('phase 3 adds its file, its profile and the cluster to what is there, and every way back takes out just that', () => {
  const before = `${FRESH}COMPOSE_PROFILES=autoscale\n`.replace(
    'COMPOSE_FILE=docker-compose.yml',
    'COMPOSE_FILE=docker-compose.yml:docker-compose.backup-s3.yml',
  );
  const third = apply(before, 3).text;
  expect(settingsOf(third)).toMatchObject({
    COMPOSE_FILE: 'docker-compose.yml:docker-compose.backup-s3.yml:docker-compose.scale.yml',
    COMPOSE_PROFILES: 'autoscale,redis-cluster',
    REDIS_URL: 'redis-cluster://redis-cluster:6379',
    REDIS_QUEUE_URL: 'redis-cluster://redis-cluster:6379',
    REDIS_CLUSTER_MAXMEMORY: '1024mb',
  });
  expect(settingsOf(third)).not.toHaveProperty('REDIS_MAXMEMORY');
  for (const number of [1, 2] as const) {
    expect(settingsOf(apply(third, number).text)).toEqual(settingsOf(apply(before, number).text));
    expect(apply(third, number).kept).toEqual([]);
  }
  // Through all of them and back.
  const up = apply(apply(apply(FRESH, 1).text, 2).text, 3).text;
  expect(settingsOf(apply(up, 1).text)).toEqual(settingsOf(apply(FRESH, 1).text));
});

describe('what a person has written', () => {
  test('wins, is named, and is planned with', () => {
    const { text, kept } = apply(
      `${FRESH}POSTGRES_MEMORY="6g"\n`.replace('APP_INSTANCES=2', 'APP_INSTANCES=7'),
      2,
    );
    expect(settingsOf(text)).toMatchObject({ APP_INSTANCES: '7', POSTGRES_MEMORY: '"6g"' });
    expect(settingsOf(text)).toMatchObject({ POSTGRES_SHARED_BUFFERS: '1536MB', WORKER_INSTANCES: '4' });
    expect(kept).toEqual([
      { name: 'APP_INSTANCES', value: '7', planned: '4' },
      { name: 'POSTGRES_MEMORY', value: '6g', planned: '4096m' },
    ]);
  });

  test('wins also over a phase that wrote the line before it, as `make scale` does', () => {
    const scaled = apply(FRESH, 2).text.replace('APP_INSTANCES=4', 'APP_INSTANCES=6');
    expect(settingsOf(apply(scaled, 3).text)['APP_INSTANCES']).toBe('6');
    expect(settingsOf(apply(scaled, 3).text)['WORKER_INSTANCES']).toBe('5');
    // Given back by a blank.
    const blank = scaled.replace('APP_INSTANCES=6', 'APP_INSTANCES=');
    expect(settingsOf(apply(blank, 3).text)['APP_INSTANCES']).toBe('5');
  });

  test('of docker-compose.scale.yml and of the cluster stays in a phase without them, and is told', () => {
    const { text, kept } = apply(
      `${FRESH.replace('docker-compose.yml', 'docker-compose.yml:docker-compose.scale.yml')}COMPOSE_PROFILES=redis-cluster
REDIS_URL=redis-cluster://redis-cluster:6379
REDIS_QUEUE_URL=redis-cluster://redis-cluster:6379\n`,
      1,
    );
    expect(settingsOf(text)).toMatchObject({
      COMPOSE_FILE: 'docker-compose.yml:docker-compose.scale.yml',
      COMPOSE_PROFILES: 'redis-cluster',
    });
    expect(kept.map(({ name }) => name)).toEqual(['COMPOSE_FILE', 'COMPOSE_PROFILES']);
  });

  test('of servers elsewhere leaves out what would be theirs', () => {
    const elsewhere = `${FRESH}DATABASE_URL=postgres://db.example.com/sv\nDATABASE_REPLICA_URL=postgres://r.example.com/sv
REDIS_URL=rediss://cache.example.com:6379\n`;
    const second = settingsOf(apply(elsewhere, 2).text);
    for (const name of ['POSTGRES_MEMORY', 'POSTGRES_CPUS', 'REDIS_MAXMEMORY'])
      expect(second).not.toHaveProperty(name);
    expect(second).toHaveProperty('REDIS_QUEUE_MAXMEMORY');
    const third = settingsOf(apply(elsewhere, 3).text);
    expect(third).toMatchObject({
      REDIS_URL: 'rediss://cache.example.com:6379',
      REDIS_QUEUE_URL: 'redis-cluster://redis-cluster:6379',
    });
  });

  test('must be right: every fault is told at once', () => {
    expect(() => apply(`${FRESH}APP_MEMORY=much\nPOSTGRES_MEMORY=0\n`, 1)).toThrow(
      /APP_MEMORY: must be a size such as 512m or 1g\n.*POSTGRES_MEMORY/s,
    );
    expect(() => apply('APP_INSTANCES=some\n', 1)).toThrow('APP_INSTANCES: must be a whole number from 1');
  });

  test('must name the replicas of a database elsewhere before phase 3 reads from them', () => {
    const elsewhere = `${FRESH}DATABASE_URL=postgres://db.example.com/sv\n`;
    expect(() => apply(elsewhere, 3)).toThrow(ConfigError);
    expect(() => apply(elsewhere, 3)).toThrow('DATABASE_REPLICA_URL: is missing');
    expect(() => apply(elsewhere, 2)).not.toThrow();
  });
});
