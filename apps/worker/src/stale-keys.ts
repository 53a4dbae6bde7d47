import type { Cache } from '@sv-sdk/cache';
import { type Database, staleCacheKeys } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { asc, inArray } from 'drizzle-orm';
import { type Loop, startLoop } from './loop.ts';
import type { WorkerMetrics } from './metrics.ts';

/** With what an invalidation travels, well within the second in which a revoked right must be gone. */
const INTERVAL_MS = 250;
/** Transactions at a time; a transaction that ends a user's sessions may have a hundred keys. */
const BATCH_ROWS = 200;

export interface StaleKeysOptions {
  db: Database;
  cache: Cache;
  metrics: Pick<WorkerMetrics, 'setOldestStaleKeys'>;
}

/**
 * Publishes which keys of the cache a transaction has made wrong, in every worker. The instance that committed it
 * has done so already, as a rule; not if it was killed in between, or if its cache was away. Published twice costs
 * one more look at the database. While the cache is away the rows wait, and the loop keeps its pace: an old value
 * must not be there for longer than the cache itself.
 */
export function startStaleKeys(options: StaleKeysOptions & { logger: Logger }): Loop {
  const { logger } = options;
  let isWaiting = false;
  return startLoop({
    name: 'stale keys',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      const published = await publishStaleKeys(options);
      if (isWaiting !== (published === 'cache away')) {
        isWaiting = !isWaiting;
        if (isWaiting) logger.warn('stale keys of the cache wait until it is back');
        else logger.info('stale keys of the cache are published again');
      }
      return published === BATCH_ROWS ? 'again' : 'rest';
    },
    logger,
  });
}

/** One batch, the oldest first; answers how many rows it was, or that the cache didn't take them. */
export async function publishStaleKeys({
  db,
  cache,
  metrics,
}: StaleKeysOptions): Promise<number | 'cache away'> {
  // Most looks find nothing: one statement then, and not three.
  const [oldest] = await db
    .write()
    .select({ markedAt: staleCacheKeys.createdAt })
    .from(staleCacheKeys)
    .orderBy(asc(staleCacheKeys.id))
    .limit(1);
  metrics.setOldestStaleKeys(oldest?.markedAt);
  if (oldest === undefined) return 0;

  const published = await db.withTx(async (tx) => {
    const batch = await tx
      .select({ id: staleCacheKeys.id, keys: staleCacheKeys.keys })
      .from(staleCacheKeys)
      .orderBy(asc(staleCacheKeys.id))
      .limit(BATCH_ROWS)
      .for('update', { skipLocked: true });
    if (batch.length === 0) return 0;
    const keys = new Set(batch.flatMap((row) => row.keys));
    if (!(await cache.publish([...keys]))) return 'cache away';
    await tx.delete(staleCacheKeys).where(
      inArray(
        staleCacheKeys.id,
        batch.map(({ id }) => id),
      ),
    );
    return batch.length;
  });
  if (published !== 'cache away') metrics.setOldestStaleKeys(undefined);
  return published;
}
