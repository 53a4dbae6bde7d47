export { type Cache, createCache, type Lookup } from './cache.ts';
