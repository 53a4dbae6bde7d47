/** The real command, on the stack's own Prometheus with a past that was written, and a database of the test's own. */
import { figures } from '@sv-sdk/scaling';
import { constant, startPrometheus } from '@sv-sdk/scaling/testing';
import { expect, test } from 'vitest';
import { startTestSdk } from '../testing/sdk.ts';

const SECONDS = 900;
const up = (job: string, instances: number) =>
  Array.from({ length: instances }, (_, index) => [`up{job="${job}", instance="${index}"}`, 1] as const);

/** A platform at rest, as far as `loaded` does not say otherwise. */
async function startWith(loaded: Record<string, number>): Promise<string> {
  const values: Record<string, number> = {
    [figures.cpu.series]: 0.4,
    [figures.response.series]: 0.1,
    [figures.depth.series]: 150,
    [figures.wait.series]: 1,
    [figures.busy.series]: 1,
    'job:sv_queue_depth:max{job="worker"}': 300,
    'job:process_cpu_seconds:avg_rate5m{job="worker"}': 0.1,
    'instance:pg_container_cpu:ratio_rate5m{instance="postgres"}': 0.3,
    'instance:node_memory_used:ratio{instance="host"}': 0.4,
    'instance:pg_connections:ratio{instance="postgres"}': 0.1,
    'instance:pgbouncer_clients:ratio{instance="pgbouncer"}': 0.1,
    'instance:redis_memory_used:ratio{role="cache"}': 0.2,
    'instance:redis_memory_used:ratio{role="queue"}': 0.2,
    'redis_memory_used_bytes{role="cache"}': 5_000_000,
    'redis_memory_max_bytes{role="cache"}': 134_217_728,
    'redis_memory_max_bytes{role="queue"}': 268_435_456,
    'pg_stat_replication_pg_wal_lsn_diff{job="postgres", state="streaming"}': 0,
    ...Object.fromEntries([...up('app', 4), ...up('worker', 3)]),
    ...loaded,
  };
  return await startPrometheus(
    Object.entries(values).map(([series, value]) => ({
      series,
      values: constant(value, SECONDS),
      // Into the future, so that nothing grows old during the test.
      endedSecondsAgo: -120,
    })),
  );
}

test('what fires and what is near is named, with its figure, the phase, and the command; exit code 1', async () => {
  const sdk = await startTestSdk();
  const PROMETHEUS_URL = await startWith({
    [figures.cpu.series]: 0.9,
    'instance:redis_memory_used:ratio{role="cache"}': 0.95,
    'instance:pg_connections:ratio{instance="postgres"}': 0.7,
  });
  const { exitCode, stdout } = await sdk.run(['advise'], { env: { PROMETHEUS_URL } });
  expect(exitCode).toBe(1);
  expect(stdout).toBe(
    `Runs as phase 2 (medium): 4 apps, 3 workers, 1 replica; phase 1 (small) by its 0 users.

part      trigger                   figure  limit   state
app       CPU of the apps, average  90 %    > 70 %  fires  for 300 s
database  connections of Postgres   70 %    > 80 %  near
redis     memory of the cache       95 %    > 90 %  fires

More of app are due (6 instead of 4):
    make scale APP=6
The cache is full and evicts: put REDIS_MAXMEMORY=256mb and REDIS_MEMORY=512m into .env, then:
    make up
`,
  );
});

test('a platform with nothing to do is told what can go, and more users than it is meant for what is due; exit code 0', async () => {
  const sdk = await startTestSdk();
  await sdk.query(
    `insert into auth.users (id, email, name, role)
     select 'user-' || n, n || '@users.invalid', 'User', 'user' from generate_series(1, 1000) n`,
  );
  const PROMETHEUS_URL = await startWith({
    [figures.cpu.series]: 0.1,
    ...Object.fromEntries(up('app', 4)),
    'up{job="worker", instance="2"}': 0,
  });
  const { exitCode, stdout } = await sdk.run(['advise', '--json'], { env: { PROMETHEUS_URL } });
  const answer = JSON.parse(stdout);
  expect(exitCode).toBe(0);
  expect(answer).toMatchObject({
    ok: true,
    phase: { byUsers: 2, byInstances: 1, users: 1000, apps: 4, workers: 2, replicas: 1 },
  });
  expect(answer.advice).toEqual([
    { because: 'There is little to do for 4 of app; one fewer will do:', command: 'make scale APP=3' },
    {
      because: 'For so many users the guide has phase 2: 3 apps, 3 workers and 0 read replicas.',
      command: 'make up PHASE=2',
    },
  ]);
});

test('what Prometheus does not know is unknown and not fine, and nobody is advised by it', async () => {
  const sdk = await startTestSdk();
  const PROMETHEUS_URL = await startPrometheus([]);
  const { exitCode, stdout } = await sdk.run(['advise', '--json'], {
    env: { PROMETHEUS_URL, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
  });
  const answer = JSON.parse(stdout);
  expect(exitCode).toBe(0);
  const states = Object.fromEntries(
    answer.triggers.map(({ name, state }: { name: string; state: string }) => [name, state]),
  );
  expect(states).toMatchObject({
    cpuUp: 'unknown',
    depthDown: 'unknown',
    workerCpu: 'unknown',
    jobTime: 'fine',
  });
  expect(answer.phase).toMatchObject({ byUsers: null, users: null });
  expect(answer.advice).toEqual([]);
});

test('without Prometheus there is no advice, and the error says so', async () => {
  const sdk = await startTestSdk();
  const { exitCode, stderr } = await sdk.run(['advise'], { env: { PROMETHEUS_URL: 'http://127.0.0.1:1' } });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('sdk: Prometheus (http://127.0.0.1:1) gave no answer: fetch failed');
});
