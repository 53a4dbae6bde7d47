/** For vitest's `globalSetup`: one Redis as the stack's cache for the whole run. Tests share it by key prefix. */
import { startTestRedis } from '@sv-sdk/queue/testing';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the Redis that is the cache, with its password. */
    cacheUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startTestRedis('cache');
  project.provide('cacheUrl', redis.url);
  return () => redis.stop();
}
