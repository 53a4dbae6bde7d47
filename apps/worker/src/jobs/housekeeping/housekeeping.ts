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
/** Attachments have megabytes each. */
const BATCH_ATTACHMENTS = 100;

/** Any number; it is ours alone in this database. */
export const HOUSEKEEPING_LOCK = 7_301_003;

/** Rows that mean nothing any more. */
interface Over {
  readonly table: SQL;
  readonly condition: SQL;
  /** Of large tables, by an index that also serves the condition: whatever the planner believes, nothing is scanned. */
  readonly order?: SQL;
  /** Of rows that cost more than others: so many at the most in one transaction. */
  readonly mostRows?: number;
}

/** Counts by address are kept for two days: the longest window and the longest lock are a day each. */
const OVER_ALWAYS: Readonly<Record<string, Over>> = {
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
  // What has gone out, or never will, needs them no more. What failed may be replayed, with them.
  email_attachments: {
    table: sql`email.email_attachments`,
    condition: sql`exists (select from email.email_sends as sends where sends.id = email_send_id
      and sends.status in ('sent', 'delivered', 'bounced', 'suppressed', 'cancelled'))`,
    mostRows: BATCH_ATTACHMENTS,
  },
};

/** Emails that have an end go with their attempts, so long after anything happened to them; then their events. */
function overAfter(days: number): Readonly<Record<string, Over>> {
  const before = sql`now() - ${days}::int * interval '1 day'`;
  return {
    email_sends: {
      table: sql`email.email_sends`,
      // An update is later than the creation, so the first condition loses none, and it has an index.
      condition: sql`created_at < ${before} and updated_at < ${before} and status <> 'queued'`,
      order: sql`order by created_at, id`,
    },
    email_webhooks: {
      table: sql`email.email_webhooks`,
      condition: sql`received_at < ${before} and processed`,
      order: sql`order by received_at`,
    },
  };
}

export interface HousekeepingOptions {
  db: Database;
  metrics: HousekeepingMetrics;
  /** How long emails that have an end are kept; 0: for ever. */
  emailRetentionDays: number;
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
  const { db, metrics, emailRetentionDays, batchRows = BATCH_ROWS } = options;
  const kinds = Object.entries({
    ...OVER_ALWAYS,
    ...(emailRetentionDays > 0 && overAfter(emailRetentionDays)),
  });
  const removed = await db.withTx(async (tx) => {
    const lock = await tx.execute<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(${HOUSEKEEPING_LOCK}) as taken`,
    );
    if (lock.rows[0]?.taken !== true) return undefined;
    const counts: { kind: string; rows: number; isFull: boolean }[] = [];
    for (const [kind, over] of kinds) {
      const most = Math.min(batchRows, over.mostRows ?? batchRows);
      const rows = await removeBatch(tx, over, most);
      counts.push({ kind, rows, isFull: rows === most });
    }
    return counts;
  });
  if (removed === undefined) return 'busy';
  for (const { kind, rows } of removed) metrics.countRemoved(kind, rows);
  metrics.noteSuccess();
  return removed.some(({ isFull }) => isFull) ? 'more' : 'done';
}

/** A row that somebody is writing just now (an attempt to sign in) is left for the next time. */
async function removeBatch(tx: Tx, over: Over, batchRows: number): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    delete from ${over.table} where ctid = any (array(
      select ctid from ${over.table} where ${over.condition} ${over.order ?? sql``}
      limit ${batchRows} for update skip locked))`);
  return rowCount ?? 0;
}
