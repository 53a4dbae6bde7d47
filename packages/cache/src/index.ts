export { type Cache, createCache, type Lookup } from './cache.ts';
export { cacheKey, keysOfUser, TTL_SECONDS } from './keys.ts';
export type { CachedKind, KindDefinition } from './kind.ts';
export { warmUp } from './warm-up.ts';
