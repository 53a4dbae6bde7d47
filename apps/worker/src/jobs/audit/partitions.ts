import {
  type ChainKeys,
  coveredUntil,
  createPartitionsAhead,
  dropExpiredPartitions,
  expiredPartitions,
  listPartitions,
} from '@sv-sdk/audit';
import type { Database } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { type Loop, startLoop } from '../../loop.ts';
import type { AuditMetrics } from './metrics.ts';

/** A partition is made three months before it is needed, and dropped some hours after it could be. */
const INTERVAL_MS = 3_600_000;

/**
 * Makes the audit log's partitions of the months ahead, and drops those that are older than the retention. In every
 * worker: what another has done already is found done.
 */
export function startPartitionKeeper(options: {
  db: Database;
  keys: ChainKeys;
  /** 0: all rows are kept for ever. */
  retentionMonths: number;
  metrics: AuditMetrics;
  logger: Logger;
}): Loop {
  return startLoop({
    name: 'audit partitions',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      await keepPartitions(options);
      return 'rest';
    },
    logger: options.logger,
  });
}

/** One turn. */
export async function keepPartitions(options: Parameters<typeof startPartitionKeeper>[0]): Promise<void> {
  const { db, retentionMonths, metrics, logger } = options;
  const observe = async () => {
    const [partitions, now] = [await listPartitions(db), new Date()];
    metrics.setPartitions({
      coveredUntil: coveredUntil(partitions, now),
      overdue: expiredPartitions(partitions, retentionMonths, now).length,
    });
  };
  // Also before: what fails in between must be seen.
  await observe();
  const made = await createPartitionsAhead(db);
  if (made > 0) logger.info({ made }, 'partitions of the audit log made');
  const { dropped, refusal } = await dropExpiredPartitions(options);
  if (dropped.length > 0) logger.info({ dropped, retentionMonths }, 'partitions of the audit log dropped');
  if (refusal !== undefined)
    logger.warn({ refusal }, 'a partition of the audit log stays beyond its retention');
  await observe();
}
