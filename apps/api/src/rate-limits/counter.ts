import { LRUCache } from 'lru-cache';
import type { SharedCounter, Window } from './shared-counter.ts';

/** The windows of one kind of caller, as this process knows them. */
export interface Counter {
  /** What is known of the caller's present window without asking anybody. */
  known(id: string): Window | undefined;
  /** Counts one request; never rejects. `key` is the caller's name in Redis. */
  count(id: string, key: string): Promise<Window>;
}

/** About 6 MB. While Redis counts, a caller who falls out of here is only asked about again. */
const MOST_WINDOWS = 20_000;

/**
 * Counts in Redis for all instances, and keeps what it said: from there this process goes on by itself while
 * Redis is away, so that an outage gives nobody a fresh start here.
 */
export function createCounter(options: { shared: SharedCounter; windowMs: number }): Counter {
  const windows = new LRUCache<string, Window>({ max: MOST_WINDOWS });
  const known = (id: string): Window | undefined => {
    const window = windows.get(id);
    return window !== undefined && window.endsAtMs > performance.now() ? window : undefined;
  };
  return {
    known,
    async count(id, key) {
      const shared = await options.shared.increment(key);
      const window = following(known(id), shared, options.windowMs);
      windows.set(id, window);
      return window;
    },
  };
}

/** The window after one more request. Redis leads; one that says less than is known here has lost its keys. */
function following(before: Window | undefined, shared: Window | undefined, windowMs: number): Window {
  if (shared !== undefined && shared.requests > (before?.requests ?? 0)) return shared;
  if (before === undefined) return { requests: 1, endsAtMs: performance.now() + windowMs };
  return { requests: before.requests + 1, endsAtMs: before.endsAtMs };
}
