export { type Cache, createCache, type Lookup } from './cache.ts';
export { cacheKey, TTL_SECONDS } from './keys.ts';
