/** The process itself, on real Docker and the stack's own Prometheus; killed in the middle of what it does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { figures } from '@sv-sdk/scaling';
import { constant, startPrometheus } from '@sv-sdk/scaling/testing';
import { expect, onTestFinished, test } from 'vitest';
import { historySeries } from './metrics.ts';
import { startTinyProject, type TinyProject } from './testing/tiny-project.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const SECONDS = 900;

/** A quiet past that reaches into the future, so that it doesn't grow old during the test. */
const quiet = (running: number) =>
  [
    [figures.cpu.series, 0.1],
    [figures.response.series, 0.05],
    [figures.depth.series, 0],
    [figures.wait.series, 0],
    [figures.busy.series, 0],
    [historySeries('app'), running],
    ['node_memory_MemTotal_bytes{instance="host"}', 64e9],
    ['node_memory_MemAvailable_bytes{instance="host"}', 60e9],
    ['instance:node_cpu:ratio_rate5m{instance="host"}', 0.2],
    ['pgbouncer_config_max_client_connections{job="pgbouncer"}', 2000],
  ] as const;
const write = (values: readonly (readonly [string, number])[]) =>
  values.map(([series, value]) => ({ series, values: constant(value, SECONDS), endedSecondsAgo: -240 }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface Autoscaler {
  readonly child: ChildProcess;
  readonly port: number;
  /** The log, one entry a line. */
  lines(): Record<string, unknown>[];
}

async function startAutoscaler(
  project: TinyProject,
  prometheus: string,
  settings: Record<string, string>,
): Promise<Autoscaler> {
  const port = await freePort();
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...settings,
      COMPOSE_PROJECT_NAME: project.name,
      DATABASE_URL: 'postgres://sv_app@pgbouncer:6432/sv',
      PROMETHEUS_URL: prometheus,
      OPERATIONS_PORT: String(port),
      AUTOSCALE_INTERVAL_SECONDS: '1',
      AUTOSCALE_WORKER_MIN: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  return {
    child,
    port,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
  };
}

const names = async (project: TinyProject) => (await project.containers('app')).map(({ name }) => name);
const named = (project: TinyProject, ...numbers: number[]) => numbers.map((n) => `${project.name}-app-${n}`);

test('killed while one drains, it is started again and finishes; told to stop, it stops', async () => {
  const project = await startTinyProject();
  await project.up({ app: 3 });
  const prometheus = await startPrometheus(write(quiet(3)));
  const settings = { AUTOSCALE_APP_MIN: '1', AUTOSCALE_APP_MAX: '2' };
  const first = await startAutoscaler(project, prometheus, settings);
  await expect.poll(() => names(project), { interval: 20 }).toContain(`${project.name}-app-3-leaving`);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await startAutoscaler(project, prometheus, settings);
  await expect.poll(() => names(project)).toEqual(named(project, 1, 2));
  await expect
    .poll(() => second.lines())
    .toContainEqual(expect.objectContaining({ finished: [`${project.name}-app-3-leaving`] }));
  // What it has not seen Prometheus store counts as a change of now: no other goes.
  await expect
    .poll(() => second.lines())
    .toContainEqual(
      expect.objectContaining({ target: 'app', direction: 'hold', reason: 'cooldown', from: 2 }),
    );
  const metrics = await (await fetch(`http://127.0.0.1:${second.port}/metrics`)).text();
  expect(metrics).toContain('sv_autoscaler_current{service="app"} 2');
  expect(metrics).toContain('sv_autoscaler_desired{service="app"} 2');
  expect(metrics).toContain('sv_autoscaler_ceiling{service="app",limit="max"} 2');
  expect(metrics).toMatch(/sv_autoscaler_last_decision_timestamp_seconds\{service="app"\} \d{10}/);
  expect(metrics).toMatch(
    /sv_autoscaler_decisions_total\{service="app",direction="hold",reason="cooldown"\} [1-9]/,
  );

  second.child.kill('SIGTERM');
  const [exitCode] = await once(second.child, 'exit');
  expect(exitCode).toBe(0);
  expect(await names(project)).toEqual(named(project, 1, 2));
});

test('a dry run says what it would do, and does nothing', async () => {
  const project = await startTinyProject();
  await project.up({ app: 1 });
  const prometheus = await startPrometheus(write(quiet(1)));
  const dry = await startAutoscaler(project, prometheus, {
    AUTOSCALE_APP_MIN: '3',
    AUTOSCALE_DRY_RUN: 'true',
  });
  const round = async () =>
    (await (await fetch(`http://127.0.0.1:${dry.port}/metrics`)).text()).match(
      /decisions_total\{service="app",direction="up",reason="below_min"\} (\d+)/,
    )?.[1];
  await expect.poll(async () => Number(await round().catch(() => 0))).toBeGreaterThan(2);
  expect(await names(project)).toEqual(named(project, 1));
  // Told once, and not at every round.
  const told = dry.lines().filter(({ msg, target }) => msg === 'decided' && target === 'app');
  expect(told).toMatchObject([{ direction: 'up', from: 1, to: 3, reason: 'below_min', isDryRun: true }]);
});

test('without Prometheus nothing is decided, which is told and counted, and it goes on trying', async () => {
  const project = await startTinyProject();
  await project.up({ app: 1 });
  const lost = await startAutoscaler(project, 'http://127.0.0.1:1', { AUTOSCALE_APP_MIN: '3' });
  await expect
    .poll(() => lost.lines())
    .toContainEqual(
      expect.objectContaining({ level: 'warn', failures: 2, msg: expect.stringContaining('no decision') }),
    );
  const metrics = await (await fetch(`http://127.0.0.1:${lost.port}/metrics`)).text();
  expect(metrics).toMatch(/sv_autoscaler_failures_total [1-9]/);
  expect(metrics).not.toContain('sv_autoscaler_decisions_total{');
  expect(await names(project)).toEqual(named(project, 1));
});

test('settings that contradict each other end it before it does anything', async () => {
  const child = spawn(process.execPath, [MAIN], {
    env: { AUTOSCALE_APP_MIN: '9', AUTOSCALE_APP_MAX: '4', AUTOSCALE_WORKER_DEPTH_DOWN: '1000' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk) => {
    text += chunk;
  });
  const [exitCode] = await once(child, 'exit');
  expect(exitCode).toBe(1);
  expect(text).toContain('AUTOSCALE_APP_MIN: must be at most AUTOSCALE_APP_MAX (4)');
  expect(text).toContain('AUTOSCALE_WORKER_DEPTH_DOWN: must be less than AUTOSCALE_WORKER_DEPTH_UP (1000)');
});
