import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Cache, createCache } from './cache.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis('cache');
});
afterAll(() => redis.stop());

async function connect(url = redis.url): Promise<{ cache: Cache; metrics: () => Promise<string> }> {
  const registry = new Registry();
  const cache = createCache({ url, logger, registry });
  onTestFinished(() => cache.close());
  if (url === redis.url) await vi.waitFor(async () => expect(await cache.ping()).toBe(true));
  return { cache, metrics: () => registry.metrics() };
}

const keyOf = (kind: string) => `${kind}:${crypto.randomUUID()}`;

test('keeps JSON for its time, and counts neither a hit nor a miss', async () => {
  const { cache, metrics } = await connect();
  const key = keyOf('user');
  expect(await cache.get(key)).toBeUndefined();
  expect(await cache.set(key, { name: 'Ada', roles: ['admin'] }, 60)).toBe(true);
  expect(await cache.get(key)).toEqual({ name: 'Ada', roles: ['admin'] });
  expect(await cache.lookup(key)).toEqual({ result: 'hit', value: { name: 'Ada', roles: ['admin'] } });
  expect(await cache.del(key)).toBe(true);
  expect(await cache.lookup(key)).toEqual({ result: 'miss' });

  const raw = new Redis(redis.url);
  onTestFinished(() => raw.disconnect());
  await cache.set(key, 1, 300);
  expect(await raw.ttl(key)).toBeGreaterThan(295);

  expect(await metrics(), 'what may rightly be missing is no miss').not.toContain('sv_cache_requests_total{');
});

describe('every failure is a miss, and fast', () => {
  const within = async <T>(limitMs: number, action: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await action();
    expect(performance.now() - start).toBeLessThan(limitMs);
    return result;
  };

  test('nobody listens', async () => {
    const { cache, metrics } = await connect('redis://:x@127.0.0.1:1');
    expect(await within(100, () => cache.get('user:1'))).toBeUndefined();
    expect(await within(100, () => cache.lookup('user:1'))).toEqual({ result: 'unavailable' });
    expect(await within(100, () => cache.set('user:1', 1, 60))).toBe(false);
    expect(await within(100, () => cache.del('user:1'))).toBe(false);
    expect(await within(100, () => cache.ping())).toBe(false);
    expect(await metrics()).toContain('sv_cache_requests_total{kind="user",tier="shared",result="error"} 4');
  });

  test('the server is silent', async () => {
    const { cache } = await connect();
    const other = new Redis(redis.url);
    onTestFinished(() => other.disconnect());
    await other.call('CLIENT', 'PAUSE', '600', 'ALL');
    expect(await within(500, () => cache.lookup('user:1'))).toEqual({ result: 'unavailable' });
    await vi.waitFor(async () => expect(await cache.ping()).toBe(true), { timeout: 5000 });
  });

  test('a value that is no JSON', async () => {
    const { cache } = await connect();
    const raw = new Redis(redis.url);
    onTestFinished(() => raw.disconnect());
    const key = keyOf('user');
    await raw.set(key, '{"cut off');
    expect(await cache.get(key)).toBeUndefined();
  });
});

test('comes back by itself when its connection is cut', async () => {
  const { cache } = await connect();
  const other = new Redis(redis.url);
  onTestFinished(() => other.disconnect());
  await other.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const key = keyOf('session');
  await vi.waitFor(async () => expect(await cache.set(key, 'x', 60)).toBe(true), { timeout: 5000 });
  expect(await cache.get(key)).toBe('x');
});
