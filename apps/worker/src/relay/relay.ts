import { type Database, emailOutbox } from '@sv-sdk/db';
import type { EmailQueue } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { inArray, sql } from 'drizzle-orm';
import { type Loop, startLoop } from '../loop.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { findWaiting, lockDue } from './statements.ts';

/** One transaction's worth: `addBulk` makes 18,000–23,000 jobs/s, so the rows stay locked for some 30 ms. */
const BATCH_EMAILS = 500;
const INTERVAL_MS = 250;

export interface RelayOptions {
  db: Database;
  queue: EmailQueue;
  metrics: WorkerMetrics;
}

/**
 * Moves emails that are due from the outbox to the queue, in every worker, the most urgent first and as far as the queue
 * has room. Rows that another relay holds are skipped. A crash between the queue's answer and the commit hands the same
 * emails over again: their jobs have the same ids, and a job that is done by then finds its row no longer queued.
 */
export function startRelay(options: RelayOptions & { logger: Logger }): Loop {
  return startLoop({
    name: 'relay',
    intervalMs: INTERVAL_MS,
    turn: async () => ((await relayBatch(options)) === BATCH_EMAILS ? 'again' : 'rest'),
    logger: options.logger,
  });
}

/** One batch; answers how many emails it moved. */
export async function relayBatch({ db, queue, metrics }: RelayOptions): Promise<number> {
  // Most looks find nothing: one statement then, and no transaction. Four looks a second from fifty workers are 200.
  const priorities = (await findWaiting(db.write())).map(({ priority }) => priority);
  if (priorities.length === 0) return 0;
  const room = await queue.room(priorities);

  const moved = await db.withTx(async (tx) => {
    const batch: Awaited<ReturnType<typeof lockDue>> = [];
    for (const priority of priorities) {
      const most = Math.min(room.get(priority) ?? 0, BATCH_EMAILS - batch.length);
      if (most > 0) batch.push(...(await lockDue(tx, priority, most)));
    }
    if (batch.length === 0) return 0;
    await queue.forgetEnded(batch.filter((email) => email.mayHaveJob).map((email) => email.emailSendId));
    await queue.addSends(batch);
    await tx
      .update(emailOutbox)
      .set({ relayedAt: sql`now()` })
      .where(
        inArray(
          emailOutbox.emailSendId,
          batch.map((email) => email.emailSendId),
        ),
      );
    return batch.length;
  });
  if (moved > 0) metrics.countRelayed(moved);
  return moved;
}
