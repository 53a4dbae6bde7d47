/**
 * A stack whose databases are somebody else's: Postgres with a replica, and two Redis, outside of it, with TLS only, a CA of
 * their own, no superuser and no CONFIG. Set up as docs/operations/managed-services.md has it.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@sv-sdk/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Issued, issue } from '../harness/certificates.ts';
import {
  ADMIN_ROLE,
  type ManagedServer,
  startManagedPostgres,
  startManagedRedis,
  startManagedReplica,
} from '../harness/managed-servers.ts';
import { eventually, query, scrapeTargets } from './client.ts';
import { servicesOf, useThePlatform, writeSettings } from './own-stack.ts';
import { defineStack } from './stack.ts';

const stack = defineStack({
  project: 'sv-e2e-managed',
  home: 'e2e-managed',
  ports: { http: 13100, prometheus: 19190, alertmanager: 19193, grafana: 13101, maildev: 11180 },
});
const { shell, shellOrThrow, urls } = stack;
/** Of the stack's networks the one that leads outside; there, Docker's DNS stands for the world's. */
const network = `${stack.project}_egress`;
const BUNDLED = ['postgres', 'postgres-replica', 'redis', 'redis-queue'];

const SMALL = { BALANCER_PREFIX: '10.251.100', APP_INSTANCES: '1', WORKER_INSTANCES: '1' };
const PRIMARY = 'pg.managed.test:5432/sv?sslmode=verify-full';
const REPLICA = 'pg-replica.managed.test:5432/sv?sslmode=verify-full';
const REDIS = {
  REDIS_URL: 'rediss://cache.managed.test:6379/0',
  REDIS_QUEUE_URL: 'rediss://queue.managed.test:6379/0',
};
/** PgBouncer in front, and none. */
const POOLED = {
  DATABASE_DIRECT_URL: `postgres://${PRIMARY}`,
  DATABASE_REPLICA_DIRECT_URL: `postgres://${REPLICA}`,
  ...REDIS,
};
const DIRECT = {
  DATABASE_URL: `postgres://sv_app@${PRIMARY}`,
  DATABASE_REPLICA_URL: `postgres://sv_app@${REPLICA}`,
  ...REDIS,
};

function writeSecret(name: string, value: string): void {
  mkdirSync(stack.secretsDirectory, { recursive: true, mode: 0o700 });
  const path = join(stack.secretsDirectory, name);
  writeFileSync(path, value);
  chmodSync(path, 0o444);
}

const servers: ManagedServer[] = [];

async function startServers(authority: Issued): Promise<ManagedServer> {
  const options = { authority, network };
  const [primary, ...redis] = await Promise.all([
    startManagedPostgres({ ...options, name: 'pg.managed.test' }),
    startManagedRedis({ ...options, name: 'cache.managed.test', policy: 'allkeys-lru' }),
    startManagedRedis({ ...options, name: 'queue.managed.test', policy: 'noeviction' }),
  ]);
  servers.push(primary, ...redis);
  writeSecret('redis_password', redis[0].password);
  writeSecret('redis_queue_password', redis[1].password);
  servers.push(await startManagedReplica({ ...options, name: 'pg-replica.managed.test', primary }));
  return primary;
}

async function removeEverything(): Promise<void> {
  // The servers first: they hold the network. An interrupted run has left them unnamed.
  await shellOrThrow(
    `docker ps --all --quiet --filter network=${network} | xargs -r docker rm --force --volumes`,
  );
  await stack.remove();
}

const running = () => servicesOf(stack);

let firstUp: Awaited<ReturnType<typeof shell>>;
let prepared: Awaited<ReturnType<typeof shell>>;
let secondUp: Awaited<ReturnType<typeof shell>>;
let startedAtFirst: Set<string>;

beforeAll(async () => {
  await removeEverything();
  const authority = await issue({ name: 'the provider', isAuthority: true });
  writeSettings(stack, { ...SMALL, ...POOLED });
  writeSecret('database_ca', authority.pem);
  writeSecret('redis_ca', authority.pem);
  firstUp = await shell('make up', { timeoutSeconds: 600 });
  startedAtFirst = await running();
  const primary = await startServers(authority);
  prepared = await shell(
    `printf '%s' '${primary.password}' | make sdk ARGS="db prepare --admin ${ADMIN_ROLE} --password-stdin"`,
  );
  secondUp = await shell('make up', { timeoutSeconds: 600 });
  if (secondUp.exitCode !== 0) {
    const { output } = await shell('docker compose ps --all; docker compose logs --tail 30');
    throw new Error(`${prepared.output}\n${secondUp.output}\n${output}`);
  }
});
afterAll(removeEverything);

async function expectWatched(instances: string[]): Promise<void> {
  const found = await eventually(
    () => scrapeTargets(undefined, urls.prometheus),
    (targets) => targets.length > 10 && targets.every(({ health }) => health === 'up'),
    { seconds: 90, what: 'all targets up' },
  );
  const servers = found.filter(({ job }) => ['postgres', 'pgbouncer', 'redis'].includes(job));
  expect(servers.map(({ instance }) => instance).toSorted()).toEqual(instances.toSorted());
  // The exporters answer without their servers, and say so.
  const up = (expression: string) =>
    eventually(
      async () => (await query(expression, urls.prometheus)).map(({ value }) => value),
      (values) => values.length > 0 && values.every((value) => value === 1),
      { seconds: 60, what: expression },
    );
  expect(await up('pg_up')).toHaveLength(2);
  expect(await up('redis_up')).toHaveLength(2);
  await up('count(pg_stat_replication_pg_wal_lsn_diff{state="streaming"})');
  // Not even about to fire.
  const watched = 'TargetMissing|InstanceDown|Replica.*|Queue.*|Pgbouncer.*|Database.*';
  await eventually(
    () => query(`ALERTS{alertname=~"${watched}"}`, urls.prometheus),
    (alerts) => alerts.length === 0,
    { seconds: 90, what: 'no alert about a server' },
  );
}

describe('with Postgres, its replica, cache and queue elsewhere, and the bundled PgBouncer in front', () => {
  test('`make up` starts nothing while they can’t be used, and names each', () => {
    expect(firstUp.exitCode).not.toBe(0);
    for (const name of Object.keys(POOLED)) expect(firstUp.output).toContain(`${name}: `);
    expect(firstUp.output).toContain('Nothing was started');
    expect([...startedAtFirst]).toEqual([]);
  });

  test('`db prepare` and a second `make up` are all that is needed', () => {
    expect(prepared.exitCode, prepared.output).toBe(0);
    expect(prepared.output).toContain('sv_owner, sv_app, sv_monitor');
    expect(secondUp.output).toContain(`Left out here: ${BUNDLED.join(', ')}`);
    console.info(`make up with servers elsewhere: ${secondUp.seconds.toFixed(1)} s`);
  });

  test('the bundled servers don’t run, and PgBouncer does', async () => {
    const services = await running();
    expect(BUNDLED.filter((name) => services.has(name))).toEqual([]);
    expect(services).toContain('pgbouncer');
  });

  test('is ready, and reads, writes and sends', async () => {
    const response = await fetch(`${urls.http}/health/ready`);
    expect(await response.json()).toMatchObject({
      ready: true,
      services: expect.arrayContaining([
        { name: 'database', ready: true },
        { name: 'cache', ready: true },
      ]),
    });
    await useThePlatform(stack);
  });

  test('reads from the replica', async () => {
    const other = createClient({ baseUrl: urls.http, apiKey: stack.secret('load_api_key'), maxRetries: 0 });
    await eventually(
      async () => {
        // The first one is in the cache.
        await other.get('/api/v1/users', { params: { query: { page: 2 } } });
        const [reads] = await query('sum(sv_db_reads_total{target="replica"})', urls.prometheus);
        return reads?.value ?? 0;
      },
      (reads) => reads > 0,
      { seconds: 60, what: 'reads counted at the replica' },
    );
  });

  test('is watched by the same names, and no alert misses what is not there', () =>
    expectWatched(['postgres', 'postgres-replica', 'pgbouncer', 'redis', 'redis-queue']));

  test('is dumped over TLS, too', async () => {
    const { output } = await shellOrThrow('make sdk ARGS="db backup"');
    expect(output).toContain('sha256');
  });
});

describe('with DATABASE_URL there as well', () => {
  test('PgBouncer goes, by plain `docker compose up -d`', async () => {
    writeSettings(stack, { ...SMALL, ...DIRECT });
    await shellOrThrow('docker compose up -d --wait --scale app=1 --scale worker=1');
    const services = await running();
    expect([...BUNDLED, 'pgbouncer', 'pgbouncer-exporter'].filter((name) => services.has(name))).toEqual([]);
    await useThePlatform(stack);
  });

  test('`make up` agrees, and changes nothing', async () => {
    const before = (await shellOrThrow('docker compose ps --quiet')).stdout;
    const { output } = await shellOrThrow('make up');
    expect(output).toContain('Left out here: postgres, postgres-replica, pgbouncer, redis, redis-queue');
    expect((await shellOrThrow('docker compose ps --quiet')).stdout).toBe(before);
  });

  test('is watched without PgBouncer, which no alert misses', () =>
    expectWatched(['postgres', 'postgres-replica', 'redis', 'redis-queue']));
});
