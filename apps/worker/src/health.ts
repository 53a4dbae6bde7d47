import { type Database, emailOutbox } from '@sv-sdk/db';
import { assertQueuePolicy, type QueueConnection } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { asc } from 'drizzle-orm';
import { type Loop, startLoop } from './loop.ts';
import type { WorkerMetrics } from './metrics.ts';

const INTERVAL_MS = 2000;
/** A look that hangs is as bad as one that fails. */
const TRUSTED_FOR_MS = 10_000;

export interface Health extends Loop {
  /** What the last look found; no I/O. */
  isReady(): boolean;
}

/**
 * Looks every 2 s whether Postgres and the queue answer, so that a probe costs nothing and can't hang. The
 * queue's policy is looked at too: a server may be replaced, or set otherwise, under a worker that runs.
 */
export function startHealth(options: {
  db: Database;
  connection: QueueConnection;
  metrics: WorkerMetrics;
  logger: Logger;
}): Health {
  const { db, connection, metrics, logger } = options;
  let trustedUntilMs = 0;
  const loop = startLoop({
    name: 'health',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      try {
        await assertQueuePolicy(connection);
        // Stands for a ping too. The ids sort by time, so the oldest is the first.
        const [oldest] = await db
          .write()
          .select({ acceptedAt: emailOutbox.createdAt })
          .from(emailOutbox)
          .orderBy(asc(emailOutbox.id))
          .limit(1);
        metrics.setOldestInOutbox(oldest?.acceptedAt);
        trustedUntilMs = performance.now() + TRUSTED_FOR_MS;
      } catch (error) {
        trustedUntilMs = 0;
        throw error;
      }
      return 'rest';
    },
    logger,
  });
  return { isReady: () => performance.now() < trustedUntilMs, stop: () => loop.stop() };
}
