import type { Database, Tx } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { type SQL, sql } from 'drizzle-orm';
import { type Loop, startLoop } from '../../loop.ts';
import type { HousekeepingMetrics } from './metrics.ts';

/** What is kept too long costs only room: a few minutes don't matter. */
const INTERVAL_MS = 5 * 60_000;
/** Workers that were started together don't all look at the same moment. */
const JITTER = 0.2;
/** A delete of so many rows takes some 20 ms; more at once would hold locks and fill the log for longer. */
const BATCH_ROWS = 5_000;

/** Any number; it is ours alone in this database. */
const HOUSEKEEPING_LOCK = 7_301_002;

/**
 * Rows that mean nothing any more, by kind. Counts by address are kept for two days: the longest window and the
 * longest lock are a day each.
 */
const OVER: Readonly<Record<string, { table: SQL; condition: SQL }>> = {
  sessions: { table: sql`auth.sessions`, condition: sql`expires_at < now()` },
  verifications: { table: sql`auth.verifications`, condition: sql`expires_at < now()` },
  idempotency_keys: { table: sql`auth.idempotency_keys`, condition: sql`expires_at < now()` },
  login_attempts: {
    table: sql`auth.login_attempts`,
    condition: sql`window_started_at < now() - interval '2 days' and (locked_until is null or locked_until < now())`,
  },
  mail_limits: {
    table: sql`auth.mail_limits`,
    condition: sql`window_started_at < now() - interval '2 days'`,
  },
};

export const HOUSEKEEPING_KINDS: readonly string[] = Object.keys(OVER);

export interface HousekeepingOptions {
  db: Database;
  metrics: HousekeepingMetrics;
  /** Rows of one kind that one transaction removes at the most. */
  batchRows?: number;
}

/** Runs in every worker; one at a time does the work. */
export function startHousekeeping(options: HousekeepingOptions & { logger: Logger }): Loop {
  return startLoop({
    name: 'housekeeping',
    intervalMs: Math.round(INTERVAL_MS * (1 + JITTER * (2 * Math.random() - 1))),
    turn: async () => ((await tidyUp(options)) === 'more' ? 'again' : 'rest'),
    logger: options.logger,
  });
}

/**
 * Removes a batch of each kind. `more`: a batch was full, so there may be more; `busy`: another worker is at it.
 */
export async function tidyUp(options: HousekeepingOptions): Promise<'done' | 'more' | 'busy'> {
  const { db, metrics, batchRows = BATCH_ROWS } = options;
  const removed = await db.withTx(async (tx) => {
    const lock = await tx.execute<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(${HOUSEKEEPING_LOCK}) as taken`,
    );
    if (lock.rows[0]?.taken !== true) return undefined;
    const counts: [kind: string, rows: number][] = [];
    for (const kind of HOUSEKEEPING_KINDS) counts.push([kind, await removeBatch(tx, kind, batchRows)]);
    return counts;
  });
  if (removed === undefined) return 'busy';
  for (const [kind, rows] of removed) metrics.countRemoved(kind, rows);
  metrics.noteSuccess();
  return removed.some(([, rows]) => rows === batchRows) ? 'more' : 'done';
}

/** A row that somebody is writing just now (an attempt to sign in) is left for the next time. */
async function removeBatch(tx: Tx, kind: string, batchRows: number): Promise<number> {
  const over = OVER[kind];
  if (over === undefined) throw new Error(`housekeeping knows nothing of ${kind}`);
  const { rowCount } = await tx.execute(sql`
    delete from ${over.table} where ctid = any (array(
      select ctid from ${over.table} where ${over.condition} limit ${batchRows} for update skip locked))`);
  return rowCount ?? 0;
}
