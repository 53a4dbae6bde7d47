import type { Tx } from '@sv-sdk/db';
import { type SQL, sql } from 'drizzle-orm';

/** failed: the dead letters. uncertain: it may have gone out and was not tried again, so a replay may repeat it. */
export const REPLAYABLE_STATUSES = ['failed', 'uncertain'] as const;
export type ReplayableStatus = (typeof REPLAYABLE_STATUSES)[number];

/** Which emails to send again; what isn't named doesn't matter. */
export interface ReplayFilter {
  readonly status: ReplayableStatus;
  readonly template?: string | undefined;
  readonly provider?: string | undefined;
  /** Accepted not before. */
  readonly from?: Date | undefined;
  /** Accepted before. */
  readonly until?: Date | undefined;
}

export interface Replay {
  readonly ids: readonly string[];
  /** How many more the filter matches; at least {@link LEFT_CAP} where it is that. */
  readonly left: number;
}

/** A replay of all that failed in a day goes in turns of this many: each holds its rows locked for 0.1 to 0.2 s. */
export const MAX_REPLAY_ROWS = 1_000;
/** Counting on would cost what the dead letters cost, for a number that nobody reads. */
export const LEFT_CAP = 100_000;

/** As many more attempts as a new email has. */
const MORE_ATTEMPTS = 3;

/** Sends one email again. False: it is none that failed or ended as uncertain. */
export async function replayEmail(tx: Tx, emailSendId: string): Promise<boolean> {
  const ids = await requeue(tx, sql`id = ${emailSendId} and ${isReplayable}`, 1);
  return ids.length === 1;
}

/** Sends those again that match, oldest first, at most `limit`; the same filter once more goes on with what is left. */
export async function replayEmails(tx: Tx, filter: ReplayFilter, limit = MAX_REPLAY_ROWS): Promise<Replay> {
  const matches = conditionOf(filter);
  const ids = await requeue(tx, matches, limit);
  const { rows } = await tx.execute<{ left: number }>(sql`
    select count(*)::int as left
    from (select from email.email_sends where ${matches} limit ${LEFT_CAP}) as matching`);
  return { ids, left: rows[0]?.left ?? 0 };
}

const isReplayable = sql`status in (${sql.join(
  REPLAYABLE_STATUSES.map((status) => sql`${status}`),
  sql`, `,
)})`;

function conditionOf({ status, template, provider, from, until }: ReplayFilter): SQL {
  // The partial index' condition in its own words: the planner proves nothing from a parameter.
  const conditions = [sql`status not in ('queued', 'sent', 'delivered')`, sql`status = ${status}`];
  if (template !== undefined) conditions.push(sql`template = ${template}`);
  if (provider !== undefined) conditions.push(sql`provider = ${provider}`);
  if (from !== undefined) conditions.push(sql`created_at >= ${from.toISOString()}::timestamptz`);
  if (until !== undefined) conditions.push(sql`created_at < ${until.toISOString()}::timestamptz`);
  return sql.join(conditions, sql` and `);
}

/**
 * The row is queued again, and stands in the outbox again. `may_have_job`: the queue keeps failed jobs for a while,
 * and would ignore a new one of the same id. Who replays at the same time takes other rows.
 */
async function requeue(tx: Tx, matches: SQL, limit: number): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    with picked as (
      select id from email.email_sends where ${matches}
      order by created_at, id limit ${limit}
      for update skip locked
    ), replayed as (
      update email.email_sends as sends
      set status = 'queued', max_attempts = least(sends.attempts + ${MORE_ATTEMPTS}, 32767), failed_at = null,
        error_message = null, claimed_at = null, updated_at = now()
      from picked where sends.id = picked.id
      returning sends.id, sends.priority
    ), queued as (
      insert into email.email_outbox (email_send_id, priority, due_at, relayed_at, may_have_job)
      select id, priority, now(), null, true from replayed
      on conflict (email_send_id) do update
      set due_at = excluded.due_at, relayed_at = null, may_have_job = true
    )
    select id from replayed order by id`);
  return rows.map(({ id }) => id);
}
