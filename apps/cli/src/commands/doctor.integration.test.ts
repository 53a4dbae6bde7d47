/** The real command, on the stack's own Prometheus with a past that was written, and real servers. */
import { startTestRedis } from '@sv-sdk/queue/testing';
import { constant, startPrometheus } from '@sv-sdk/scaling/testing';
import pg from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startTestSdk, type TestSdk } from '../testing/sdk.ts';

const MEBIBYTE = 1024 ** 2;
/** An hour and more: heaps are held against what they were then. */
const SECONDS = 4_500;

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly evidence: string;
  readonly next?: string;
}

const AT_REST: Readonly<Record<string, number>> = {
  'job:sv_http_request_duration_seconds:p95_5m{job="app"}': 0.02,
  'route:sv_http_request_duration_seconds:p95_5m{method="GET", route="/api/v1/users"}': 0.02,
  'kind:sv_cache_hits:ratio_rate5m{kind="user"}': 0.97,
  'kind:sv_cache_requests:rate5m{kind="user"}': 50,
  'nodejs_eventloop_lag_p99_seconds{job="app", instance="a"}': 0.012,
  'process_resident_memory_bytes{job="app", instance="a"}': 120 * MEBIBYTE,
  'sv_process_memory_limit_bytes{job="app", instance="a"}': 320 * MEBIBYTE,
  'nodejs_heap_size_used_bytes{job="app", instance="a"}': 60 * MEBIBYTE,
  'nodejs_external_memory_bytes{job="app", instance="a"}': 10 * MEBIBYTE,
  'instance:redis_memory_used:ratio{job="redis", instance="redis"}': 0.1,
  'instance:node_memory_used:ratio{instance="host"}': 0.4,
  'instance:pg_connections:ratio{instance="postgres"}': 0.2,
  'database:pgbouncer_pool_used:ratio{database="sv"}': 0.2,
  'pgbouncer_pools_client_maxwait_seconds{database="sv"}': 0,
  'instance:pgbouncer_clients:ratio{instance="pgbouncer"}': 0.1,
};

async function examine(sdk: TestSdk, env: Record<string, string>) {
  const { exitCode, stdout, stderr } = await sdk.run(['doctor', '--json'], { env });
  const answer = JSON.parse(stdout) as { ok: boolean; chapters: { title: string; findings: Finding[] }[] };
  const findings = new Map(
    answer.chapters.flatMap((chapter) => chapter.findings.map((one) => [one.check, one])),
  );
  return { exitCode, stderr, ...answer, findings };
}

async function environmentWith(figures: Readonly<Record<string, number>>): Promise<Record<string, string>> {
  const redis = await startTestRedis('cache');
  onTestFinished(() => redis.stop());
  return {
    PROMETHEUS_URL: await startPrometheus(
      Object.entries(figures).map(([series, value]) => ({
        series,
        values: constant(value, SECONDS),
        // Into the future, so that nothing grows old during the test.
        endedSecondsAgo: -120,
      })),
    ),
    REDIS_URL: redis.url,
    DB_MONITOR_PASSWORD: inject('databaseServers').secrets.db_monitor_password,
  };
}

test('a platform at rest is found well, with the figures that say so; exit code 0', async () => {
  const sdk = await startTestSdk();
  const { exitCode, ok, chapters, findings } = await examine(sdk, await environmentWith(AT_REST));
  expect(chapters.map(({ title }) => title)).toEqual([
    'Slow responses',
    'High memory usage',
    'Connection exhaustion',
  ]);
  expect([...findings.values()].filter(({ state }) => state !== 'fine' && state !== 'idle')).toEqual([]);
  expect(findings.get('response time, p95')?.evidence).toBe(
    '20 ms (at most 500 ms); GET /api/v1/users 20 ms',
  );
  expect(findings.get('memory of the processes')?.evidence).toBe('38 % (at most 85 %); app a 38 %');
  expect({ exitCode, ok }).toEqual({ exitCode: 0, ok: true });
});

test('each chapter names its cause, with the evidence and the next command; exit code 1', async () => {
  const sdk = await startTestSdk();
  const leaking = new pg.Client({ connectionString: sdk.database.directUrl });
  await leaking.connect();
  onTestFinished(() => leaking.end());
  await leaking.query('begin');
  await leaking.query('select 1 as forgotten');
  const env = await environmentWith({
    ...AT_REST,
    'job:sv_http_request_duration_seconds:p95_5m{job="app"}': 0.9,
    'kind:sv_cache_hits:ratio_rate5m{kind="user"}': 0.4,
    'nodejs_eventloop_lag_p99_seconds{job="app", instance="a"}': 0.3,
    'process_resident_memory_bytes{job="app", instance="a"}': 310 * MEBIBYTE,
    'instance:redis_memory_used:ratio{job="redis", instance="redis"}': 0.95,
    'instance:pg_connections:ratio{instance="postgres"}': 0.9,
    'pgbouncer_pools_client_maxwait_seconds{database="sv"}': 4,
    'pool:sv_db_pool_waiting:sum{pool="primary"}': 3,
  });
  const { exitCode, ok, findings } = await examine(sdk, env);
  const attention = [...findings.values()].filter(({ state }) => state === 'attention');
  expect(attention.map(({ check }) => check)).toEqual(
    expect.arrayContaining([
      'response time, p95',
      'cache hit rate',
      'event loop delay of the apps, p99',
      'memory of the processes',
      'memory of the Redis servers',
      'connections of Postgres',
      'longest wait in PgBouncer',
      'callers that wait in a process',
    ]),
  );
  expect(attention.every(({ next }) => next !== undefined && next !== '')).toBe(true);
  expect(findings.get('callers that wait in a process')?.evidence).toBe('3 for primary');
  expect({ exitCode, ok }).toEqual({ exitCode: 1, ok: false });
  // What it began has to be old enough.
  const leak = async () => (await examine(sdk, env)).findings.get('transactions that do nothing')?.evidence;
  await expect.poll(leak).toMatch(/sv_owner for \d+ s after: select 1 as forgotten/);
});

test('a source that does not answer is told of, the others are asked nevertheless, and that is not well', async () => {
  const sdk = await startTestSdk();
  const env = { ...(await environmentWith(AT_REST)), PROMETHEUS_URL: 'http://127.0.0.1:1' };
  const { exitCode, findings } = await examine(sdk, env);
  expect(exitCode).toBe(1);
  expect(findings.get('response time, p95')).toMatchObject({
    state: 'unanswered',
    evidence: expect.stringContaining('gave no answer'),
  });
  expect(findings.get('round trip to Postgres')?.state).toBe('fine');
  expect(findings.get('statements that run now')?.state).toBe('fine');
});
