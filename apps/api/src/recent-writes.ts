import type { Cache } from '@sv-sdk/cache';
import { RECENT_WRITE_SECONDS, type RecentWrites } from '@sv-sdk/db';

const keyOf = (principalId: string) => `lsn:${principalId}`;

/** The parts of a position with all their digits, so that a later position is a greater text. */
const comparable = (position: string) =>
  position
    .toUpperCase()
    .split('/')
    .map((part) => part.padStart(8, '0'))
    .join('/');

/**
 * Where a caller's last write is remembered for all instances. While the cache doesn't answer, `lastPosition`
 * rejects: nobody knows then what the caller wrote, and only the primary is right for sure.
 */
export function createRecentWrites(cache: Cache): RecentWrites {
  return {
    async remember(principalId, position) {
      const isKept = await cache.setGreatest(keyOf(principalId), comparable(position), RECENT_WRITE_SECONDS);
      if (!isKept) throw new Error('the cache did not take the position of a write');
    },
    async lastPosition(principalId) {
      const found = await cache.lookup<string>(keyOf(principalId));
      if (found.result === 'unavailable') throw new Error('the cache does not answer');
      return found.result === 'hit' ? found.value : undefined;
    },
  };
}
