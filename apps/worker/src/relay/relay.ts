import { type Database, emailOutbox, emailSends } from '@sv-sdk/db';
import type { EmailQueue } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { type Loop, startLoop } from '../loop.ts';
import type { WorkerMetrics } from '../metrics.ts';

/** One transaction's worth: `addBulk` makes 18,000–23,000 jobs/s, so the rows stay locked for some 30 ms. */
const BATCH_EMAILS = 500;
const INTERVAL_MS = 250;

/** By another name: FOR UPDATE OF takes no schema, and drizzle writes one for a table. */
const outbox = alias(emailOutbox, 'outbox');

export interface RelayOptions {
  db: Database;
  queue: EmailQueue;
  metrics: WorkerMetrics;
}

/**
 * Moves accepted emails from the outbox to the queue, in every worker. Rows that another relay holds are
 * skipped. A crash between the queue's answer and the commit hands the same emails over again: their jobs have
 * the same ids, and a job that is done by then finds its row no longer queued.
 */
export function startRelay(options: RelayOptions & { logger: Logger }): Loop {
  return startLoop({
    name: 'relay',
    intervalMs: INTERVAL_MS,
    turn: async () => ((await relayBatch(options)) === BATCH_EMAILS ? 'again' : 'rest'),
    logger: options.logger,
  });
}

/** One batch, the oldest first; answers how many emails it moved. */
export async function relayBatch({ db, queue, metrics }: RelayOptions): Promise<number> {
  // Most looks find nothing: one statement then, and not three. Four a second from fifty workers are 200.
  const [waiting] = await db
    .write()
    .select({ emailSendId: emailOutbox.emailSendId })
    .from(emailOutbox)
    .where(isNull(emailOutbox.relayedAt))
    .limit(1);
  if (waiting === undefined) return 0;

  const moved = await db.withTx(async (tx) => {
    const batch = await tx
      .select({
        emailSendId: emailSends.id,
        priority: emailSends.priority,
        acceptedAt: emailSends.createdAt,
        sendAt: emailSends.sendAt,
      })
      .from(outbox)
      .innerJoin(emailSends, eq(emailSends.id, outbox.emailSendId))
      .where(isNull(outbox.relayedAt))
      .orderBy(asc(outbox.priority), asc(outbox.dueAt))
      .limit(BATCH_EMAILS)
      .for('update', { of: outbox, skipLocked: true });
    if (batch.length === 0) return 0;
    await queue.addSends(batch);
    await tx
      .update(emailOutbox)
      .set({ relayedAt: sql`now()` })
      .where(
        inArray(
          emailOutbox.emailSendId,
          batch.map(({ emailSendId }) => emailSendId),
        ),
      );
    return batch.length;
  });
  if (moved > 0) metrics.countRelayed(moved);
  return moved;
}
