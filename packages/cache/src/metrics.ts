import { Counter, type Registry } from 'prom-client';

export type Tier = 'local' | 'shared';
export type Result = 'hit' | 'miss' | 'error';

/**
 * One count per value that was asked for: `tier` is the one that had it (hit) or that was asked last (miss,
 * error), so that hits and misses of a kind add up whichever tier answers.
 */
export interface CacheRequests {
  count(kind: string, tier: Tier, result: Result): void;
}

export function createCacheRequests(registry: Registry): CacheRequests {
  const requests = new Counter({
    name: 'sv_cache_requests_total',
    help: 'Cached values asked for, by kind of key; tier: local (this process) or shared (Redis); error: it failed or did not answer in time.',
    labelNames: ['kind', 'tier', 'result'],
    registers: [registry],
  });
  // The labels' hash is looked up once, not at every request: this stands in the path of a 1 µs read.
  const children = new Map<string, Counter.Internal>();
  return {
    count(kind, tier, result) {
      const name = `${kind} ${tier} ${result}`;
      let child = children.get(name);
      if (child === undefined) {
        child = requests.labels(kind, tier, result);
        children.set(name, child);
      }
      child.inc();
    },
  };
}
