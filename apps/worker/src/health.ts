import type { Database } from '@sv-sdk/db';
import { assertQueuePolicy, type QueueConnection } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import { type Loop, startLoop } from './loop.ts';

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
export function startHealth(options: { db: Database; connection: QueueConnection; logger: Logger }): Health {
  const { db, connection, logger } = options;
  let trustedUntilMs = 0;
  const loop = startLoop({
    name: 'health',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      try {
        await assertQueuePolicy(connection);
        await db.write().execute(sql`select 1`);
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
