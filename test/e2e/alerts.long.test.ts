/**
 * Alerts by their real causes on the running stack: each fires while its cause lasts, and resolves after it. The windows
 * are shortened (alert-rules.ts), the thresholds are not.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SHORT_RULES, writeShortRules } from './alert-rules.ts';
import { call, clientOf, eventually, query, signIn } from './client.ts';
import { untilHealthy } from './containers.ts';
import { containersOf, environment, onPrimary, secret, shellOrThrow, startStack, urls } from './stack.ts';

/** Scrape, evaluation and `for` take 10 s each; the cause itself may need longer. */
const FIRES_SECONDS = 180;
const RESOLVES_SECONDS = 240;
const LANES = 4;
const COMPOSE_FILE = 'docker-compose.yml:test/e2e/alert-rules.compose.yml';

interface Cause {
  readonly alerts: readonly string[];
  start(): Promise<void>;
  end(): Promise<void>;
  /** Requests go on while it lasts. */
  readonly traffic?: () => Promise<unknown>;
  /** {@link FIRES_SECONDS} where it says nothing. */
  readonly firesSeconds?: number;
  /** So many at once; {@link LANES} where it says nothing. */
  readonly lanes?: number;
}

const fired: string[] = [];

beforeAll(async () => {
  await startStack();
  writeShortRules();
  Object.assign(environment, { COMPOSE_FILE, SHORT_RULES });
  await shellOrThrow('docker compose up -d --no-deps --wait prometheus');
});

afterAll(async () => {
  delete environment['COMPOSE_FILE'];
  delete environment['SHORT_RULES'];
  await shellOrThrow('docker compose up -d --no-deps --wait prometheus');
  await untilHealthy();
  console.info(`fired by their causes, and resolved: ${fired.toSorted().join(', ')}`);
});

async function firing(): Promise<Set<string>> {
  const found = await query('ALERTS{alertstate="firing"}', urls.prometheus);
  return new Set(found.map(({ labels }) => labels['alertname'] ?? ''));
}

const everyOf = async (service: string) => (await containersOf(service)).join(' ');
const pausing = (service: string) => {
  let paused = '';
  return {
    async start() {
      paused = await everyOf(service);
      await shellOrThrow(`docker pause ${paused}`);
    },
    async end() {
      await shellOrThrow(`docker unpause ${paused}`);
    },
  };
};
const stopping = (service: string) => {
  let stopped = '';
  return {
    async start() {
      stopped = await everyOf(service);
      await shellOrThrow(`docker stop --time 20 ${stopped}`);
    },
    async end() {
      await shellOrThrow(`docker start ${stopped}`);
    },
  };
};
/** A fraction of a processor, and what Compose gives it again. */
const starving = (service: string, cpus: string, usual: string) => ({
  start: async () => void (await shellOrThrow(`docker update --cpus ${cpus} ${await everyOf(service)}`)),
  end: async () => void (await shellOrThrow(`docker update --cpus ${usual} ${await everyOf(service)}`)),
});
const askRedis = (service: string, command: string) =>
  shellOrThrow(
    `docker compose exec -T ${service} sh -c 'REDISCLI_AUTH=$(cat $PASSWORD_FILE) exec redis-cli ${command}'`,
  );

const read = () => call('GET', '/api/v1/users?pageSize=5', { apiKey: secret('load_api_key') });
const write = async () =>
  clientOf({ token: await signIn() }).post('/api/v1/suppressions', {
    body: { email: `${randomUUID()}@example.org` },
  });
const email = async (count: number, template = 'notification') => {
  const client = clientOf({ token: await signIn() });
  for (let sent = 0; sent < count; sent += 1_000) {
    await client.post('/api/v1/emails', {
      body: {
        emails: Array.from({ length: Math.min(1_000, count - sent) }, () => ({
          to: `${randomUUID()}@example.org`,
          template,
          variables: { name: 'Ada', title: 'Much', message: 'There is much of it.' },
        })),
      },
    });
  }
};
const muchWal = (mebibytes: number) =>
  onPrimary(
    `select count(pg_logical_emit_message(false, 'test', repeat('x', 1024 * 1024))) from generate_series(1, ${mebibytes})`,
  );

const CAUSES: readonly (readonly [string, Cause])[] = [
  ['an exporter that hangs', { alerts: ['InstanceDown'], ...pausing('nginx-exporter') }],
  ['no worker is there', { alerts: ['TargetMissing'], ...stopping('worker') }],
  ['all apps hang', { alerts: ['NoReadyApp', 'InstanceDown'], ...pausing('app') }],
  [
    'PgBouncer is away under traffic',
    { alerts: ['AppErrorRateHigh', 'InstanceDown'], ...stopping('pgbouncer'), traffic: read },
  ],
  [
    'the apps are starved under traffic',
    {
      alerts: ['AppResponseTimeHigh', 'ScaleAppResponseTime'],
      ...starving('app', '0.05', '1'),
      traffic: read,
      lanes: 16,
    },
  ],
  [
    'the database is starved under traffic',
    {
      alerts: ['DatabaseCpuHigh'],
      // With less than its exporter needs nothing would be known of it.
      ...starving('postgres', '0.1', '2'),
      traffic: write,
      lanes: 16,
    },
  ],
  [
    'many clients of PgBouncer hold its connections',
    {
      alerts: ['PgbouncerClientsWaiting'],
      start: async () => {
        await shellOrThrow(
          `docker compose exec -T -d postgres sh -c 'touch /tmp/held; for i in $(seq 60); do while [ -e /tmp/held ]; do PGPASSWORD=$(cat /run/secrets/db_app_password) psql -h pgbouncer -p 6432 -U sv_app -d sv -c "select pg_sleep(3)"; done & done; wait'`,
        );
      },
      end: async () => void (await shellOrThrow('docker compose exec -T postgres rm /tmp/held')),
    },
  ],
  ['the primary hangs', { alerts: ['NoPrimary', 'InstanceDown'], ...pausing('postgres') }],
  [
    'the standby is gone',
    { alerts: ['ReplicaDisconnected', 'ReplicationSlotInactive'], ...stopping('postgres-replica') },
  ],
  [
    'the standby replays nothing',
    {
      alerts: ['ReplicaLagBytes', 'ReplicaLagTime'],
      start: async () => {
        await onStandby('select pg_wal_replay_pause()');
        await muchWal(160);
      },
      end: async () => void (await onStandby('select pg_wal_replay_resume()')),
      traffic: write,
    },
  ],
  [
    'writes wait for a standby that does not exist',
    {
      alerts: ['WritesWaitForStandby'],
      start: async () => {
        await onPrimary("alter system set synchronous_standby_names = 'nobody'");
        await onPrimary('select pg_reload_conf()');
      },
      end: async () => {
        await onPrimary('alter system reset synchronous_standby_names');
        await onPrimary('select pg_reload_conf()');
      },
      traffic: write,
    },
  ],
  [
    'nearly all connections of Postgres are taken',
    {
      alerts: ['DatabaseConnectionsHigh'],
      start: async () => {
        await shellOrThrow(
          `docker compose exec -T -d postgres sh -c 'for i in $(seq 90); do PGPASSWORD=$(cat /run/secrets/postgres_password) psql -h postgres -U postgres -d sv -c "select pg_sleep(240) /* taken */" & done; wait'`,
        );
      },
      end: async () =>
        void (await onPrimary(
          "select pg_terminate_backend(pid) from pg_stat_activity where query like '%/* taken */%' and pid <> pg_backend_pid()",
        )),
    },
  ],
  [
    'the queue is paused, and very many emails come',
    {
      alerts: ['QueueDepthHigh', 'ScaleWorkerDepth', 'QueuePaused'],
      start: async () => {
        await shellOrThrow('make sdk ARGS="email pause"');
        await email(10_500);
      },
      end: async () => {
        await askRedis('redis-queue', 'FLUSHALL');
        await onPrimary("update email.email_sends set status = 'cancelled' where status = 'queued'");
        await shellOrThrow('make sdk ARGS="email resume"');
      },
    },
  ],
  [
    'the queue is away',
    { alerts: ['OutboxStuck', 'InstanceDown'], ...stopping('redis-queue'), traffic: () => email(1) },
  ],
  [
    'the queue may evict, and is full',
    {
      alerts: ['QueueRedisPolicyWrong', 'QueueRedisEvicting', 'RedisMemoryHigh'],
      start: async () => {
        await askRedis('redis-queue', 'config set maxmemory-policy allkeys-lru');
        // Redis evicts between scripts, not within one: what a single one wrote would be past the container's memory.
        for (let batch = 0; batch < 20; batch += 1) {
          await askRedis(
            'redis-queue',
            `eval "for i=1,100 do redis.call(\\"set\\",\\"filler:${batch}:\\"..i,string.rep(\\"x\\",262144)) end" 0`,
          );
        }
      },
      end: async () => {
        await askRedis('redis-queue', 'config set maxmemory-policy noeviction');
        await askRedis(
          'redis-queue',
          'eval "for batch=0,19 do for i=1,100 do redis.call(\\"del\\",\\"filler:\\"..batch..\\":\\"..i) end end" 0',
        );
      },
    },
  ],
  [
    'the cache is away, and something changes',
    {
      alerts: ['CacheChannelUntrusted', 'StaleCacheKeysWaiting'],
      ...stopping('redis'),
      traffic: async () => {
        await read();
        await clientOf({ token: await signIn() }).post('/api/v1/users', {
          body: { email: `${randomUUID()}@example.org`, name: 'Ada', password: `pass-${randomUUID()}` },
        });
      },
    },
  ],
  [
    'mail can not be sent',
    {
      alerts: ['EmailProviderCircuitOpen', 'AlertsNotDelivered'],
      ...stopping('maildev'),
      traffic: () => email(20),
      // Alertmanager has tried for its group_interval, 5 minutes, before it counts a failure.
      firesSeconds: 480,
    },
  ],
];

/** On whichever node is none. */
async function onStandby(statement: string): Promise<void> {
  await shellOrThrow(
    `docker compose exec -T postgres-replica sh -c 'PGPASSWORD=$(cat /run/secrets/postgres_password) psql -h 127.0.0.1 -U postgres -d sv -XAtc "${statement}"'`,
  );
}

test.for(CAUSES)('%s', { timeout: 900_000 }, async ([what, cause]) => {
  const { alerts, start, end, traffic, lanes = LANES, firesSeconds = FIRES_SECONDS } = cause;
  let isOver = false;
  const startedAtMs = performance.now();
  await start();
  const running = Array.from({ length: traffic === undefined ? 0 : lanes }, async () => {
    while (!isOver) await traffic?.().catch(() => undefined);
  });
  try {
    await eventually(
      async () => {
        const now = await firing();
        return alerts.filter((alert) => !now.has(alert));
      },
      (missing) => missing.length === 0,
      { seconds: firesSeconds, what: `firing because ${what}` },
    );
    console.info(
      `${what}: ${alerts.join(', ')} after ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`,
    );
  } finally {
    isOver = true;
    await end();
    await Promise.all(running);
  }
  await untilHealthy();
  const lasting = await eventually(
    async () => {
      const now = await firing();
      return alerts.filter((alert) => now.has(alert));
    },
    (still) => still.length === 0,
    { seconds: RESOLVES_SECONDS, what: `resolved after ${what}` },
  );
  expect(lasting).toEqual([]);
  fired.push(...alerts.filter((alert) => !fired.includes(alert)));
});
