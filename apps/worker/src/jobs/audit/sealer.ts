import { type ChainKeys, readSealingState, sealBatch } from '@sv-sdk/audit';
import type { Database } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { type Loop, startLoop } from '../../loop.ts';
import type { AuditMetrics } from './metrics.ts';

const INTERVAL_MS = 1_000;
/** How often the end of the chain goes to the log, where nobody who can write to the database can change it. */
const HEAD_LOG_INTERVAL_MS = 60_000;

/** Seals audit rows into the hash chain, in every worker; one at a time does the work. */
export function startSealer(options: {
  db: Database;
  keys: ChainKeys;
  metrics: AuditMetrics;
  logger: Logger;
  /** Tests: how old a row must be. */
  sealAfterSeconds?: number;
}): Loop {
  const { db, metrics, logger } = options;
  let headLoggedMs = Number.NEGATIVE_INFINITY;
  let lastHeadSequence = 0;
  /** Whoever writes an old end back leaves no trace in the database but this. */
  const observe = async () => {
    const { oldestUnsealedSeconds, headSequence } = await readSealingState(db);
    metrics.setOldestUnsealed(oldestUnsealedSeconds);
    metrics.setHead(headSequence);
    if (headSequence === undefined) return;
    if (headSequence < lastHeadSequence) {
      logger.error({ from: lastHeadSequence, to: headSequence }, 'the end of the audit chain went back');
    }
    lastHeadSequence = headSequence;
  };
  return startLoop({
    name: 'audit sealer',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      // First, so that the metric tells the truth while sealing fails.
      await observe();
      const { rows, isFull, head } = await sealBatch(options);
      if (head !== undefined) {
        metrics.countSealed(rows);
        if (performance.now() - headLoggedMs >= HEAD_LOG_INTERVAL_MS) {
          logger.info({ sequence: head.sequence, hash: head.hash }, 'end of the audit chain');
          headLoggedMs = performance.now();
        }
      }
      return isFull ? 'again' : 'rest';
    },
    logger,
  });
}
