import { readFileSync } from 'node:fs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { call, eventually, query, scrapeTargets } from './client.ts';
import { containersOf, envFile, secret, shell, shellOrThrow, startStack } from './stack.ts';

beforeAll(startStack);

/** Asks one after another from a few lanes until it is stopped; counts what came back. */
function startLoad(lanes: number) {
  const counts = { sent: 0, failed: [] as string[] };
  let running = true;
  const apiKey = secret('load_api_key');
  const lane = async () => {
    while (running) {
      counts.sent += 1;
      try {
        const { status } = await call('GET', '/api/v1/users?pageSize=1', { apiKey });
        if (status !== 200) counts.failed.push(`status ${status}`);
      } catch (error) {
        counts.failed.push(String(error));
      }
    }
  };
  const lanesDone = Promise.all(Array.from({ length: lanes }, lane));
  return {
    counts,
    async stop() {
      running = false;
      await lanesDone;
      return counts;
    },
  };
}

const requestsByInstance = () =>
  query('sum by (instance) (increase(sv_http_requests_total{job="app", route="/api/v1/users"}[30s])) > 0');

test.for([
  ['docker compose up -d --scale app=5', 5],
  ['docker-compose up -d --scale app=2', 2],
  ['make scale APP=3', 3],
  ['make scale APP=2', 2],
] as const)(
  '`%s` under load fails no request, and all of the %i instances serve and are scraped',
  async ([command, instances]) => {
    const running = startLoad(8);
    // Also when an expectation fails: else it would load the tests that follow.
    onTestFinished(async () => void (await running.stop()));
    await shellOrThrow(command);
    expect(await containersOf('app')).toHaveLength(instances);
    const targets = await eventually(
      () => scrapeTargets('app'),
      (found) => found.length === instances && found.every(({ health }) => health === 'up'),
      { seconds: 60, what: `${instances} scraped instances` },
    );
    await eventually(
      requestsByInstance,
      (series) =>
        targets.every(({ instance }) => series.some(({ labels }) => labels['instance'] === instance)),
      { seconds: 60, what: `${instances} instances that serve` },
    );
    const { sent, failed } = await running.stop();
    console.info(`${command}: ${sent} requests, ${failed.length} failed`);
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(100);
  },
);

test('more than PgBouncer has room for is refused with the numbers, and nothing changes', async () => {
  const before = (await containersOf('app')).toSorted();
  const { exitCode, output } = await shell('make scale APP=500');
  expect(exitCode).not.toBe(0);
  expect(output).toMatch(/PgBouncer allows 2000, and all together may need \d{4,}/);
  expect(output).toMatch(/500 apps of up to \d+ +\d{4,}/);
  expect((await containersOf('app')).toSorted()).toEqual(before);
  expect(readFileSync(envFile, 'utf8')).toContain('\nAPP_INSTANCES=2\n');
});

test('`make up` keeps the number of instances that was chosen by hand', async () => {
  await shellOrThrow('docker compose up -d --scale app=3');
  await shellOrThrow('make up');
  expect(await containersOf('app')).toHaveLength(3);
  await shellOrThrow('make scale APP=2');
  expect(await containersOf('app')).toHaveLength(2);
});

test('a plain `docker compose up -d` keeps the number that `make scale` has chosen, and so does `make up`', async () => {
  onTestFinished(async () => void (await shellOrThrow('make scale APP=2')));
  await shellOrThrow('make scale APP=3');
  const chosen = (await containersOf('app')).toSorted();
  await shellOrThrow('docker compose up -d');
  expect((await containersOf('app')).toSorted()).toEqual(chosen);
  await shellOrThrow('make up');
  expect((await containersOf('app')).toSorted()).toEqual(chosen);
});
