import type { Database } from '@sv-sdk/db';
import { type EmailQueue, WAITING_ROOM_JOBS } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { type Loop, startLoop } from '../loop.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { QueueMetrics } from './metrics.ts';
import { countDepth, findWaiting } from './statements.ts';

/** Counting 100,000 takes some 20 ms of Postgres, and every worker counts. */
const INTERVAL_MS = 10_000;
const COUNT_TO = 100_000;

export interface WatchOptions {
  db: Database;
  queue: EmailQueue;
  metrics: WorkerMetrics;
  queueMetrics: QueueMetrics;
}

/** Looks every 10 s how much there is to send and how long the relay has left it lying, for people and for autoscaling. */
export function startWatch(options: WatchOptions & { logger: Logger }): Loop {
  return startLoop({
    name: 'queue watch',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      await watchOnce(options);
      return 'rest';
    },
    logger: options.logger,
  });
}

/** One look. What Postgres says is shown whether or not Redis answers. */
export async function watchOnce({ db, queue, metrics, queueMetrics }: WatchOptions): Promise<void> {
  queueMetrics.setDepth(await countDepth(db.write(), COUNT_TO));
  const waiting = await findWaiting(db.write());
  const oldestOf = (some: typeof waiting) =>
    some.reduce<Date | undefined>(
      (oldest, { oldestDueAt }) => (oldest === undefined || oldestDueAt < oldest ? oldestDueAt : oldest),
      undefined,
    );
  try {
    const priorities = waiting.map(({ priority }) => priority);
    const [counts, paused, room] = await Promise.all([
      queue.counts(),
      queue.isPaused(),
      queue.room(priorities),
    ]);
    queueMetrics.setJobs(counts);
    queueMetrics.setPaused(paused);
    // What waits because the queue has enough of its priority is not left lying: a relay that works keeps the room full.
    metrics.setOldestInOutbox(
      oldestOf(waiting.filter(({ priority }) => (room.get(priority) ?? 0) > WAITING_ROOM_JOBS / 2)),
    );
  } catch (error) {
    metrics.setOldestInOutbox(oldestOf(waiting));
    throw error;
  }
}
