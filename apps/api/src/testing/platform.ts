/** For tests: instances of one platform, and the Redis that they share with nobody else. */
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { startTestApi, type TestApi } from './api.ts';

export interface TestPlatform {
  /** Of the Redis. */
  url(): string;
  /** What a test itself asks Redis. */
  redis(): Redis;
  /** Instances of one platform, each with an app and connections of its own. */
  start(instances: number): Promise<[TestApi, ...TestApi[]]>;
}

/** To be called once in a file, outside of its tests: the server is started before them, and ends after them. */
export function useTestPlatform(): TestPlatform {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startTestRedis('cache');
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  return {
    url: () => server.url,
    redis: () => redis,
    async start(instances) {
      const first = await startTestApi({ cacheUrl: server.url });
      const all: [TestApi, ...TestApi[]] = [first];
      while (all.length < instances) all.push(await startTestApi({ cacheUrl: server.url, like: first }));
      await Promise.all(all.map((api) => api.cache.whenTrusted()));
      return all;
    },
  };
}
