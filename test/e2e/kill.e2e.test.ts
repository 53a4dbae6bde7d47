/** Parts that requests go through, each killed and restarted while they come: how many fail is counted, and printed. */
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { untilHealthy } from './containers.ts';
import { countsOf, type Load, type Outcome, startMixedLoad, untilServed } from './load.ts';
import { containersOf, shell, shellOrThrow, startStack } from './stack.ts';

beforeAll(startStack);

/** Enough that every lane has asked for everything in each state of the part. */
const SOME = 60;
/** For the same under load on a busy machine; a stack that doesn't come back fails at it. */
const SERVED_LIMIT_SECONDS = 45;
/** After Postgres takes connections again: of the issue. */
const BACK_LIMIT_MS = 3_000;
const MOST_RESTARTS = 3;

async function loadOfTest(): Promise<Load> {
  const load = await startMixedLoad();
  onTestFinished(async () => {
    await load.stop();
    await untilHealthy();
  });
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  return load;
}

test.for([
  ['postgres-replica', 'nothing fails'],
  ['redis', 'nothing fails'],
  ['redis-queue', 'nothing fails'],
  // nginx goes on with the instances that it last knew, and by what it is told when it is back.
  ['ready-dns', 'nothing fails'],
  ['pgbouncer', 'what fails says so, and it is over by itself'],
] as const)('%s killed under load: %s', async ([service, promise]) => {
  const [container] = await containersOf(service);
  const load = await loadOfTest();
  await shellOrThrow(`docker kill ${container}`);
  try {
    // Without PgBouncer nothing is served: there the load only has to meet its absence.
    if (service === 'pgbouncer') {
      await expect.poll(() => load.outcomes.filter(({ isGood }) => !isGood).length).toBeGreaterThan(0);
    } else await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  } finally {
    await shellOrThrow(`docker start ${container}`);
  }
  await untilHealthy();
  await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
  const outcomes = await load.stop();
  const failed = outcomes.filter(({ isGood }) => !isGood);
  console.info(
    `${service} killed: ${outcomes.length} requests, ${failed.length} failed (${countsOf(outcomes)})`,
  );
  expect(outcomes.length).toBeGreaterThan(3 * SOME - 20);
  if (promise === 'nothing fails') expect(countsOf(failed)).toBe('');
  else expect(countsOf(failed.filter(({ isHonest503 }) => !isHonest503))).toBe('');
});

test('a restart of Postgres under load: requests wait or get a 503 in the envelope, and service is back with it', async () => {
  const [container] = await containersOf('postgres');
  const load = await loadOfTest();
  const backAfterMs: number[] = [];
  // What else this machine does can hold one of them up; a wait that is ours holds up all.
  while (backAfterMs.length < MOST_RESTARTS && !backAfterMs.some((ms) => ms <= BACK_LIMIT_MS)) {
    const acceptedAtMs = await restart(container as string);
    await untilServed(load, SOME, SERVED_LIMIT_SECONDS);
    await untilHealthy();
    backAfterMs.push(serviceBackAtMs(load.outcomes, acceptedAtMs) - acceptedAtMs);
  }
  const outcomes = await load.stop();
  const failed = outcomes.filter(({ isGood }) => !isGood);
  console.info(
    `postgres restarted ${backAfterMs.length} times: ${outcomes.length} requests, ${failed.length} failed ` +
      `(${countsOf(outcomes)}); service was back ${backAfterMs.map((ms) => (ms / 1000).toFixed(2)).join(', ')} s ` +
      'after Postgres took connections',
  );
  expect(countsOf(failed.filter(({ isHonest503 }) => !isHonest503))).toBe('');
  expect(Math.min(...backAfterMs)).toBeLessThanOrEqual(BACK_LIMIT_MS);
});

/** When it took connections again, after it had been seen not to. */
async function restart(container: string): Promise<number> {
  const accepts = async () =>
    (await shell(`docker exec ${container} pg_isready --quiet --host=127.0.0.1 --timeout=1`)).exitCode === 0;
  const restarted = shellOrThrow(`docker restart ${container}`);
  await expect.poll(accepts, { interval: 50 }).toBe(false);
  await expect.poll(accepts, { interval: 50, timeout: 90_000 }).toBe(true);
  const acceptedAtMs = performance.now();
  await restarted;
  return acceptedAtMs;
}

/** When a write had succeeded, and nothing failed any more. */
function serviceBackAtMs(outcomes: readonly Outcome[], acceptedAtMs: number): number {
  const since = outcomes.filter(({ endedAtMs }) => endedAtMs > acceptedAtMs);
  const firstWriteAtMs = Math.min(
    ...since.filter(({ what }) => what === 'POST 201').map(({ endedAtMs }) => endedAtMs),
  );
  const lastFailureAtMs = Math.max(
    ...since.filter(({ isGood }) => !isGood).map(({ endedAtMs }) => endedAtMs),
  );
  return Math.max(firstWriteAtMs, lastFailureAtMs);
}
