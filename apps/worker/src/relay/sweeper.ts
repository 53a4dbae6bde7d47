import { type Database, emailOutbox, emailSends, type Tx } from '@sv-sdk/db';
import type { EmailQueue } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import { and, asc, eq, gt, inArray, isNull, lt, notExists, sql } from 'drizzle-orm';
import { isFree } from '../jobs/email-row.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { WorkerMetrics } from '../metrics.ts';

const INTERVAL_MS = 10_000;
const BATCH_EMAILS = 500;

/** Any number; it is ours alone in this database. */
const SWEEPER_LOCK = 7_301_001;

export interface SweeperOptions {
  db: Database;
  queue: EmailQueue;
  metrics: WorkerMetrics;
  /** How long an email may be queued before it is looked for. */
  afterSeconds: number;
}

/** Where a sweep goes on: the rows up to here have been looked at. */
export type SweepPosition = string | undefined;

export interface Sweep {
  readonly restored: number;
  /** Undefined: the end was reached, and the next sweep begins anew. */
  readonly position: SweepPosition;
}

/**
 * Puts emails back into the outbox that Redis no longer knows (it was wiped, or lost its last second), so that
 * Postgres alone decides what has to be sent. Runs in every worker; one at a time does the work.
 */
export function startSweeper(options: SweeperOptions & { logger: Logger }): Loop {
  let position: SweepPosition;
  return startLoop({
    name: 'sweeper',
    intervalMs: INTERVAL_MS,
    turn: async () => {
      const sweep = await sweepBatch(options, position);
      position = sweep.position;
      if (sweep.restored > 0) {
        options.logger.warn(
          { emails: sweep.restored },
          'the queue had lost emails; they are back in the outbox',
        );
      }
      // A batch with nothing lost is followed by a rest: a long queue must not be walked without end.
      return sweep.restored > 0 && position !== undefined ? 'again' : 'rest';
    },
    logger: options.logger,
  });
}

/** Looks at one batch of emails that have been queued for long, from `position` on. */
export async function sweepBatch(options: SweeperOptions, position: SweepPosition): Promise<Sweep> {
  const { db, queue, metrics } = options;
  const sweep = await db.withTx(async (tx): Promise<Sweep> => {
    const lock = await tx.execute<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(${SWEEPER_LOCK}) as taken`,
    );
    if (lock.rows[0]?.taken !== true) return { restored: 0, position: undefined };
    const candidates = await findCandidates(tx, options.afterSeconds, position);
    const restored = candidates.length === 0 ? 0 : await restoreLost(tx, queue, candidates);
    const last = candidates.length < BATCH_EMAILS ? undefined : candidates.at(-1);
    return { restored, position: last };
  });
  if (sweep.restored > 0) metrics.countSwept(sweep.restored);
  return sweep;
}

/** Queued for long, with no outbox row, and held by no worker. Ids are UUIDv7: their order is that of acceptance. */
async function findCandidates(tx: Tx, afterSeconds: number, position: SweepPosition): Promise<string[]> {
  const inOutbox = tx
    .select({ one: sql`1` })
    .from(emailOutbox)
    .where(and(eq(emailOutbox.emailSendId, emailSends.id), isNull(emailOutbox.relayedAt)));
  const rows = await tx
    .select({ id: emailSends.id })
    .from(emailSends)
    .where(
      and(
        eq(emailSends.status, 'queued'),
        lt(emailSends.createdAt, sql`now() - make_interval(secs => ${afterSeconds})`),
        isFree(),
        notExists(inOutbox),
        position === undefined ? undefined : gt(emailSends.id, position),
      ),
    )
    .orderBy(asc(emailSends.id))
    .limit(BATCH_EMAILS);
  return rows.map(({ id }) => id);
}

async function restoreLost(tx: Tx, queue: EmailQueue, emailSendIds: readonly string[]): Promise<number> {
  const presence = await queue.presence(emailSendIds);
  const lost = emailSendIds.filter((id) => presence.get(id) !== 'live');
  // Asked again, as a worker may have finished some of them since.
  const stillQueued = await tx
    .select({
      emailSendId: emailSends.id,
      priority: emailSends.priority,
      dueAt: sql<Date>`coalesce(${emailSends.sendAt}, ${emailSends.createdAt})`.mapWith(emailSends.createdAt),
    })
    .from(emailSends)
    .where(and(inArray(emailSends.id, lost), eq(emailSends.status, 'queued')));
  if (stillQueued.length === 0) return 0;
  // A job that ended while its row is still queued (its worker could not reach Postgres) would keep the new one out.
  for (const { emailSendId } of stillQueued) {
    if (presence.get(emailSendId) === 'finished') await queue.forget(emailSendId);
  }
  await tx
    .insert(emailOutbox)
    .values(stillQueued)
    .onConflictDoUpdate({ target: emailOutbox.emailSendId, set: { relayedAt: null, mayHaveJob: true } });
  return stillQueued.length;
}
