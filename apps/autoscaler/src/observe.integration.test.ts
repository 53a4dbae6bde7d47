/** Against the stack's own Prometheus, with a past that was written: what is read of it, and what is decided by it. */
import { loadConfig } from '@sv-sdk/config';
import { createPrometheus, figures, RULE_SETTINGS, rulesFrom, type ServiceRules } from '@sv-sdk/scaling';
import { constant, type Past, startPrometheus } from '@sv-sdk/scaling/testing';
import { expect, test } from 'vitest';
import { type Decision, decide } from './decide.ts';
import { historySeries } from './metrics.ts';
import { readBlocked, readFigures, readHost } from './observe.ts';

const [app, worker] = rulesFrom(loadConfig(RULE_SETTINGS, {})) as [ServiceRules, ServiceRules];
/** A Prometheus that takes a minute to start on a busy machine leaves the past a minute behind. */
const LONG_SECONDS = 1200;

async function decideBy(url: string, rules: ServiceRules, running: number): Promise<Decision> {
  return decide(rules, {
    nowSeconds: Date.now() / 1000,
    instances: { running, starting: 0, unhealthy: 0, isMixed: false },
    ...(await readFigures(createPrometheus(url), rules)),
    ceilings: [],
  });
}

test('figures that have held call for more, a change that was stored cools down, and a host is known', async () => {
  // Written a little ahead of now, so that a slow start of Prometheus doesn't make them old.
  const ahead = (past: Past): Past => ({ ...past, endedSecondsAgo: -60 });
  const url = await startPrometheus(
    [
      { series: figures.cpu.series, values: constant(0.9, LONG_SECONDS) },
      { series: figures.response.series, values: constant(0.1, LONG_SECONDS) },
      { series: figures.depth.series, values: constant(5, LONG_SECONDS) },
      { series: figures.wait.series, values: constant(0, LONG_SECONDS) },
      { series: figures.busy.series, values: constant(0, LONG_SECONDS) },
      { series: historySeries('app'), values: constant(4, LONG_SECONDS) },
      { series: historySeries('worker'), values: [...constant(5, LONG_SECONDS - 250), ...constant(4, 240)] },
      { series: 'node_memory_MemTotal_bytes{instance="host"}', values: constant(8e9, LONG_SECONDS) },
      { series: 'node_memory_MemAvailable_bytes{instance="host"}', values: constant(4e9, LONG_SECONDS) },
      { series: 'instance:node_cpu:ratio_rate5m{instance="host"}', values: constant(0.25, LONG_SECONDS) },
      {
        series: 'pgbouncer_config_max_client_connections{job="pgbouncer"}',
        values: constant(2000, LONG_SECONDS),
      },
      {
        series: 'pg_settings_max_connections{job="postgres"}',
        values: constant(100, LONG_SECONDS),
      },
      { series: 'sv_queue_paused{instance="a"}', values: constant(1, LONG_SECONDS) },
      { series: 'sv_queue_paused{instance="b"}', values: constant(0, LONG_SECONDS) },
    ].map(ahead),
  );
  expect(await decideBy(url, app, 4)).toMatchObject({ direction: 'up', to: 6, reason: 'cpu' });
  const down = await decideBy(url, worker, 4);
  expect(down).toMatchObject({ direction: 'hold', reason: 'cooldown' });
  expect(down.because).toContain('the last change (5 to 4)');
  const prometheus = createPrometheus(url);
  const host = { memoryTotalBytes: 8e9, memoryAvailableBytes: 4e9, cpuRatio: 0.25 };
  expect(await readHost(prometheus, { isPooled: true })).toEqual({ ...host, connectionsMax: 2000 });
  expect(await readHost(prometheus, { isPooled: false })).toEqual({ ...host, connectionsMax: 100 });
  expect(await readBlocked(prometheus)).toBe('the queue is paused');
  await expect(prometheus.value('sv_queue_paused')).rejects.toThrow('2 series, where one is expected');
  await expect(prometheus.value('sv_queue_paused{')).rejects.toThrow('refused sv_queue_paused{: bad_data');
});

test('a gap, an end and a figure that is not a number are no decision, and are named', async () => {
  const gap = constant(0.9, LONG_SECONDS).map((value, index, all) =>
    index > all.length - 30 && index < all.length - 15 ? undefined : value,
  );
  const url = await startPrometheus([
    { series: figures.cpu.series, values: gap },
    // An instant query would answer with the last value for five minutes more.
    { series: figures.response.series, values: constant(0.1, LONG_SECONDS), endedSecondsAgo: 120 },
    {
      series: figures.depth.series,
      values: [...constant(0, LONG_SECONDS), Number.NaN],
      endedSecondsAgo: -60,
    },
    { series: figures.wait.series, values: constant(0, LONG_SECONDS), endedSecondsAgo: -60 },
  ]);
  const apps = await decideBy(url, app, 4);
  expect(apps).toMatchObject({ direction: 'hold', to: 4, reason: 'no_figures' });
  expect(apps.because).toMatch(/response time, p95: the newest figure is \d+ s old/);
  const workers = await decideBy(url, worker, 4);
  expect(workers).toMatchObject({ direction: 'hold', to: 4, reason: 'no_figures' });
  expect(workers.because).toContain('emails in work for each worker: there is no figure');
  expect(await readHost(createPrometheus(url), { isPooled: true })).toBeUndefined();
});

test('a Prometheus that is not there, or answers something else, is named in the error', async () => {
  const none = createPrometheus('http://127.0.0.1:1');
  await expect(none.value('up')).rejects.toThrow('Prometheus (http://127.0.0.1:1) gave no answer');
});
