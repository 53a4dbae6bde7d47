import type { Cache } from '@sv-sdk/cache';
import { RECENT_WRITE_SECONDS, type RecentWrites } from '@sv-sdk/db';

const keyOf = (principalId: string) => `lsn:${principalId}`;

/** Both halves of a position with all their digits, so that a later position is a greater text. */
const comparable = (lsn: string) =>
  lsn
    .toUpperCase()
    .split('/')
    .map((half) => half.padStart(8, '0'))
    .join('/');

/**
 * Where a caller's last write is remembered for all instances. While the cache doesn't answer, `lastLsn`
 * rejects: nobody knows then what the caller wrote, and only the primary is right for sure.
 */
export function createRecentWrites(cache: Cache): RecentWrites {
  return {
    async remember(principalId, lsn) {
      const isKept = await cache.setGreatest(keyOf(principalId), comparable(lsn), RECENT_WRITE_SECONDS);
      if (!isKept) throw new Error('the cache did not take the position of a write');
    },
    async lastLsn(principalId) {
      const found = await cache.lookup<string>(keyOf(principalId));
      if (found.result === 'unavailable') throw new Error('the cache does not answer');
      return found.result === 'hit' ? found.value : undefined;
    },
  };
}
