import { createCache } from '@sv-sdk/cache';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createRecentWrites } from './recent-writes.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis('cache');
});
afterAll(() => redis.stop());

function connect(url: string) {
  const cache = createCache({ url, logger, registry: new Registry() });
  onTestFinished(() => cache.close());
  return { cache, recentWrites: createRecentWrites(cache) };
}

test("a caller's last write is known to every instance, and to that caller only", async () => {
  const [one, other] = [connect(redis.url), connect(redis.url)];
  await vi.waitFor(async () => expect(await other.cache.ping()).toBe(true));
  await vi.waitFor(async () => expect(await one.cache.ping()).toBe(true));
  await one.recentWrites.remember('ada', '00000001/0/1A2B3C');
  expect(await other.recentWrites.lastPosition('ada')).toBe('00000001/00000000/001A2B3C');
  expect(await other.recentWrites.lastPosition('grace')).toBeUndefined();
});

test('of two writes the later one is kept, whichever instance is heard last', async () => {
  const [one, other] = [connect(redis.url), connect(redis.url)];
  await vi.waitFor(async () => expect(await other.cache.ping()).toBe(true));
  await vi.waitFor(async () => expect(await one.cache.ping()).toBe(true));
  // As texts, 9/… would be greater than 10/…
  await one.recentWrites.remember('barbara', '00000001/10/0');
  await other.recentWrites.remember('barbara', '00000001/9/FFFFFFFF');
  expect(await one.recentWrites.lastPosition('barbara')).toBe('00000001/00000010/00000000');
  await other.recentWrites.remember('barbara', '00000001/10/A');
  expect(await one.recentWrites.lastPosition('barbara')).toBe('00000001/00000010/0000000A');
  // After a failover, in front of what the old primary had and nobody else.
  await other.recentWrites.remember('barbara', '00000002/9/0');
  expect(await one.recentWrites.lastPosition('barbara')).toBe('00000002/00000009/00000000');
});

test('a cache that is away is not mistaken for a caller who wrote nothing', async () => {
  const { recentWrites } = connect('redis://:x@127.0.0.1:1');
  await expect(recentWrites.lastPosition('ada')).rejects.toThrow('does not answer');
  await expect(recentWrites.remember('ada', '00000001/0/1')).rejects.toThrow('did not take');
});
