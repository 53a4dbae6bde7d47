import { randomUUID } from 'node:crypto';
import type { Logger } from '@sv-sdk/telemetry';
import type { CacheConnection } from './connection.ts';

/** What a look at a key in Redis found. */
export type Look =
  | { readonly found: 'value'; readonly json: string }
  /** Nothing: this caller is to load it and may `fill` it with this token. */
  | { readonly found: 'nothing'; readonly token: string }
  /** Nothing yet: somebody else is loading it. */
  | { readonly found: 'lease' }
  | { readonly found: 'error' };

/**
 * Values in Redis, filled under a lease: a look that finds nothing leaves a token in the key, and a fill is taken
 * only while that very token still stands. An invalidation, an eviction, a wipe and another's later lease all
 * remove it; so a value that was read before a change can't be written after it. No method rejects.
 */
export interface SharedTier {
  look(key: string): Promise<Look>;
  /** Ends a lease with a value, or without one (`undefined`). Whether the token still stood. */
  fill(key: string, token: string, json: string | undefined, ttlSeconds: number): Promise<boolean>;
  remove(key: string): Promise<void>;
}

/** Longer than a load takes, shorter than anybody would wait: who holds it may have been killed. */
const LEASE_MS = 3_000;
/** No JSON begins like this. */
const LEASE_PREFIX = 'lease ';

const FILL = `
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('del', KEYS[1]) end
redis.call('set', KEYS[1], ARGV[2], 'ex', ARGV[3])
return 1
`;

export function createSharedTier(options: { connection: CacheConnection; logger: Logger }): SharedTier {
  const { connection, logger } = options;
  const instance = randomUUID();
  let leases = 0;

  return {
    async look(key) {
      leases += 1;
      const token = `${LEASE_PREFIX}${instance} ${leases}`;
      try {
        // One command for both: what is there, or our token if there is nothing.
        const text = await connection.run(key, (redis) => redis.set(key, token, 'PX', LEASE_MS, 'NX', 'GET'));
        if (text === null) return { found: 'nothing', token };
        return text.startsWith(LEASE_PREFIX) ? { found: 'lease' } : { found: 'value', json: text };
      } catch (error) {
        // Something else than a text under our key; never ours, and in the way of every fill.
        if (error instanceof Error && error.message.startsWith('WRONGTYPE')) {
          return { found: 'value', json: '' };
        }
        logger.debug({ err: error }, 'the cache failed');
        return { found: 'error' };
      }
    },
    async fill(key, token, json, ttlSeconds) {
      try {
        return (
          (await connection.run(key, (redis) => redis.eval(FILL, 1, key, token, json ?? '', ttlSeconds))) ===
          1
        );
      } catch (error) {
        logger.debug({ err: error }, 'the cache took no value');
        return false;
      }
    },
    async remove(key) {
      try {
        await connection.run(key, (redis) => redis.del(key));
      } catch (error) {
        logger.debug({ err: error }, 'the cache removed no value');
      }
    },
  };
}
