import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { Redis } from 'ioredis';
import { Counter as Metric, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Counter, createCounter } from './counter.ts';
import { createSharedCounter, type Window } from './shared-counter.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });
const WINDOW_MS = 60_000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis('cache');
});
afterAll(() => redis.stop());

interface Instance {
  readonly counter: Counter;
  /** How many requests this instance counted by itself. */
  unshared(): Promise<number>;
}

/** As one app instance has it. A busy machine may take longer than production allows; `silent` keeps to that. */
function startInstance(
  options: { url?: string; windowMs?: number; commandTimeoutMs?: number } = {},
): Instance {
  const { windowMs = WINDOW_MS, commandTimeoutMs = 5_000 } = options;
  const metric = new Metric({ name: 'unshared', help: '-', registers: [new Registry()] });
  const shared = createSharedCounter({
    url: options.url ?? redis.url,
    windowMs,
    logger,
    unshared: metric,
    commandTimeoutMs,
  });
  onTestFinished(() => shared.close());
  return {
    counter: createCounter({ shared, windowMs }),
    unshared: async () => (await metric.get()).values[0]?.value ?? 0,
  };
}

/** Waits until Redis counts for the instance. */
async function connected(instance: Instance): Promise<Instance> {
  await expect
    .poll(async () => {
      const before = await instance.unshared();
      await instance.counter.count('probe', keyOf('probe'));
      return (await instance.unshared()) - before;
    })
    .toBe(0);
  return instance;
}

const keyOf = (name: string) => `rate_limit:test:${name}`;
const newCaller = () => crypto.randomUUID();
const countOnce = ({ counter }: Instance, caller: string) => counter.count(caller, keyOf(caller));
async function countTimes(instance: Instance, caller: string, times: number): Promise<Window[]> {
  return Promise.all(Array.from({ length: times }, () => countOnce(instance, caller)));
}

function openRaw(): Redis {
  const raw = new Redis(redis.url);
  onTestFinished(() => raw.disconnect());
  return raw;
}

test('two instances count as one, each request once, in one window that later requests do not move', async () => {
  const [a, b] = [await connected(startInstance()), await connected(startInstance())];
  const caller = newCaller();
  const windows = (await Promise.all([countTimes(a, caller, 30), countTimes(b, caller, 30)])).flat();
  expect(windows.map(({ requests }) => requests).toSorted((x, y) => x - y)).toEqual(
    Array.from({ length: 60 }, (_, index) => index + 1),
  );
  const ends = windows.map(({ endsAtMs }) => endsAtMs);
  expect(Math.max(...ends)).toBeLessThanOrEqual(performance.now() + WINDOW_MS);

  const raw = openRaw();
  const late = WINDOW_MS - 100;
  await expect.poll(() => raw.pttl(keyOf(caller)), { interval: 20 }).toBeLessThan(late);
  expect((await countOnce(a, caller)).endsAtMs).toBeLessThan(performance.now() + late);
  expect(await raw.pttl(keyOf(caller))).toBeLessThan(late);
});

test('what Redis said is known without asking it again, until the window ends', async () => {
  const instance = await connected(startInstance({ windowMs: 1_000 }));
  const caller = newCaller();
  expect(instance.counter.known(caller)).toBeUndefined();
  await countTimes(instance, caller, 3);
  expect(instance.counter.known(caller)?.requests).toBe(3);
  await expect.poll(() => instance.counter.known(caller)).toBeUndefined();
  await expect
    .poll(async () => (await countOnce(instance, caller)).requests, { interval: 200 })
    .toBeLessThan(3);
});

describe('without Redis', () => {
  test('nobody listens: each instance counts by itself, at once', async () => {
    const instance = startInstance({ url: 'redis://:x@127.0.0.1:1' });
    const caller = newCaller();
    const start = performance.now();
    const windows = await countTimes(instance, caller, 50);
    expect(performance.now() - start).toBeLessThan(200);
    expect(windows.at(-1)?.requests).toBe(50);
    expect(await instance.unshared()).toBe(50);
  });

  test('it hangs: one request waits for its time limit, the others do not, and counting goes on from where it was', async () => {
    const instance = await connected(startInstance({ commandTimeoutMs: 200 }));
    const caller = newCaller();
    await countTimes(instance, caller, 5);
    const before = instance.counter.known(caller)?.requests ?? 0;

    const raw = openRaw();
    await raw.call('CLIENT', 'PAUSE', '3000', 'ALL');
    const start = performance.now();
    await countOnce(instance, caller);
    const windows = await countTimes(instance, caller, 20);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(windows.at(-1)?.requests).toBe(before + 21);

    await connected(instance);
    expect((await countOnce(instance, caller)).requests).toBeGreaterThan(before + 21);
  });

  test('it is wiped: an instance holds on to what it has counted', async () => {
    const instance = await connected(startInstance());
    const caller = newCaller();
    await countTimes(instance, caller, 10);
    await openRaw().flushall();
    expect((await countOnce(instance, caller)).requests).toBe(11);
    expect((await countOnce(instance, caller)).requests).toBe(12);
  });

  test('its connections are cut: nothing fails, and it is shared again by itself', async () => {
    const [a, b] = [await connected(startInstance()), await connected(startInstance())];
    const caller = newCaller();
    await countTimes(a, caller, 5);
    const raw = openRaw();
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect((await countOnce(a, caller)).requests).toBe(6);
    await connected(a);
    await connected(b);
    const other = newCaller();
    await countTimes(a, other, 5);
    expect((await countOnce(b, other)).requests).toBe(6);
  });
});

test('every key in Redis has an end', async () => {
  const instance = await connected(startInstance());
  await countTimes(instance, newCaller(), 3);
  const raw = openRaw();
  const keys = await raw.keys('rate_limit:*');
  expect(keys.length).toBeGreaterThan(0);
  for (const key of keys) expect(await raw.pttl(key)).toBeGreaterThan(0);
});
