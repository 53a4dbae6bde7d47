import { type Database, emailOutbox } from '@sv-sdk/db';
import type { EmailQueue } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { inArray, sql } from 'drizzle-orm';
import { type Loop, startLoop } from '../loop.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { lockRelayedBefore, relayedBefore } from './statements.ts';

const BATCH_EMAILS = 500;
/** 1,000 emails a second and worker that are still in the queue, at some percent of its time: a full queue in a minute. */
const INTERVAL_MS = 500;

export interface SweeperOptions {
  db: Database;
  queue: EmailQueue;
  metrics: WorkerMetrics;
  /** How long an email may have been in the queue before it is looked for there, and then again. */
  afterSeconds: number;
}

export interface Sweep {
  /** The queue has a job for them: they are looked for again after as long. */
  readonly confirmed: number;
  /** The queue had none: they are back in the outbox. */
  readonly restored: number;
  /** Their email has an end, and nobody took them out. */
  readonly removed: number;
}

/**
 * Puts emails back into the outbox that the queue has lost (it was wiped, or lost its last second) or has given up, so
 * that Postgres alone decides what has to be sent. Runs in every worker: each looks at what none has looked at for long.
 */
export function startSweeper(options: SweeperOptions & { logger: Logger }): Loop {
  const { logger } = options;
  return startLoop({
    name: 'sweeper',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      const { restored, removed } = await sweepBatch(options);
      if (restored > 0) {
        logger.warn({ emails: restored }, 'the queue had lost emails; they are back in the outbox');
      }
      if (removed > 0) logger.warn({ emails: removed }, 'emails that had ended were still in the outbox');
      // After a wipe: at full speed.
      return restored + removed === BATCH_EMAILS ? 'again' : 'rest';
    },
    logger,
  });
}

/** Looks at one batch of the emails that have been in the queue for long, the longest first. */
export async function sweepBatch({ db, queue, metrics, afterSeconds }: SweeperOptions): Promise<Sweep> {
  const candidates = await relayedBefore(db.write(), afterSeconds, BATCH_EMAILS);
  if (candidates.length === 0) return { confirmed: 0, restored: 0, removed: 0 };
  const ids = candidates.map(({ emailSendId }) => emailSendId);
  const live = await queue.live(ids);

  const sweep = await db.withTx(async (tx): Promise<Sweep> => {
    // Looked at again, and locked for the first time: a worker may have ended some while Redis was asked, or another
    // sweeper may have put them back.
    const rows = await lockRelayedBefore(tx, ids, afterSeconds);
    const idsOf = (chosen: typeof rows) => chosen.map(({ emailSendId }) => emailSendId);
    const confirmed = idsOf(rows.filter((row) => live.has(row.emailSendId)));
    const lost = rows.filter((row) => !live.has(row.emailSendId));
    const restored = idsOf(lost.filter(({ status }) => status === 'queued'));
    const removed = idsOf(lost.filter(({ status }) => status !== 'queued'));
    if (confirmed.length > 0) {
      await tx
        .update(emailOutbox)
        .set({ relayedAt: sql`now()` })
        .where(inArray(emailOutbox.emailSendId, confirmed));
    }
    if (restored.length > 0) {
      await tx
        .update(emailOutbox)
        .set({ relayedAt: null, mayHaveJob: true })
        .where(inArray(emailOutbox.emailSendId, restored));
    }
    if (removed.length > 0) await tx.delete(emailOutbox).where(inArray(emailOutbox.emailSendId, removed));
    return { confirmed: confirmed.length, restored: restored.length, removed: removed.length };
  });
  if (sweep.restored > 0) metrics.countSwept(sweep.restored);
  return sweep;
}
