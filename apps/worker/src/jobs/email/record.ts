import { type Database, executeNamed } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';
import { type ClaimedEmail, holdsSecrets } from './claim.ts';

/**
 * What came of an attempt. `sent`: the provider has it. `failed`: for good. `retry`: it may be tried again.
 * `uncertain`: it may have gone out, and is not tried again. `released`: no provider was asked; the attempt is not
 * counted.
 */
export type Result = 'sent' | 'failed' | 'retry' | 'uncertain' | 'released';

export interface Outcome {
  readonly email: Pick<ClaimedEmail, 'id' | 'claimedAt' | 'attempts'>;
  readonly result: Result;
  /** For the log of attempts; undefined: nothing to log. */
  readonly attempt: 'sent' | 'rejected' | 'refused' | 'uncertain' | undefined;
  readonly provider?: string | undefined;
  readonly messageId?: string | undefined;
  readonly error?: string | undefined;
}

/** What servers answer is kept for people to read; a page of HTML is not. */
const MOST_TEXT_CHARACTERS = 2000;

/**
 * Writes all of these outcomes down: the emails' rows, their attempts, and the end of their outbox rows, in one
 * statement. Answers for each, in order, whether it stood. What is sent is sent, whoever holds the claim by now; any
 * other outcome stands only under the claim that it was made with: a worker that was taken for dead must not undo what
 * its successor did.
 */
export async function recordOutcomes(db: Database, outcomes: readonly Outcome[]): Promise<boolean[]> {
  const standing = await recordOnce(db, outcomes);
  return outcomes.map((outcome) => standing.has(outcome));
}

async function recordOnce(db: Database, outcomes: readonly Outcome[]): Promise<Set<Outcome>> {
  // An UPDATE takes one outcome a row: a second one of the same email (its claim was lost to another job of this
  // very process) comes after it.
  const first = new Map<string, Outcome>();
  const second: Outcome[] = [];
  for (const outcome of outcomes) {
    if (first.has(outcome.email.id)) second.push(outcome);
    else first.set(outcome.email.id, outcome);
  }
  const recorded = await recordStatement(db, [...first.values()]);
  const standing = new Set(recorded.flatMap((id) => first.get(id) ?? []));
  return second.length === 0 ? standing : new Set([...standing, ...(await recordOnce(db, second))]);
}

/** Answers the ids of those that stood. No id twice. */
async function recordStatement(db: Database, outcomes: readonly Outcome[]): Promise<string[]> {
  const column = (pick: (outcome: Outcome) => string | number | undefined) =>
    sql.param(outcomes.map((outcome) => pick(outcome) ?? null));
  const statement = sql`
    with outcome as materialized (
      select * from unnest(
        ${column(({ email }) => email.id)}::text[],
        ${column(({ email }) => email.claimedAt)}::timestamptz[],
        ${column(({ email }) => email.attempts)}::int[],
        ${column(({ result }) => result)}::text[],
        ${column(({ attempt }) => attempt)}::text[],
        ${column(({ provider }) => provider)}::text[],
        ${column(({ messageId }) => storable(messageId))}::text[],
        ${column(({ error }) => storable(error))}::text[]
      ) as given (id, claimed_at, number, result, attempt, provider, message_id, error_message)
    ), ours as materialized (
      select outcome.* from email.email_sends as send join outcome on outcome.id = send.id
      where outcome.result = 'sent' or (send.status = 'queued' and send.claimed_at = outcome.claimed_at)
      order by send.id
      for update of send
    ), recorded as (
      update email.email_sends as send set
        status = case
          -- A webhook was quicker than we.
          when ours.result = 'sent' and send.status in ('delivered', 'bounced') then send.status
          when ours.result in ('retry', 'released') then send.status
          else ours.result::email.email_status
        end,
        claimed_at = null,
        attempts = send.attempts - (ours.result = 'released')::int,
        provider = coalesce(case when send.message_id is null and ours.result in ('sent', 'failed', 'uncertain') then ours.provider end, send.provider),
        message_id = coalesce(send.message_id, ours.message_id),
        sent_at = case when ours.result = 'sent' then coalesce(send.sent_at, now()) else send.sent_at end,
        failed_at = case ours.result when 'failed' then now() when 'sent' then null else send.failed_at end,
        uncertain_at = case when ours.attempt = 'uncertain' then coalesce(send.uncertain_at, now()) else send.uncertain_at end,
        error_message = case
          when send.status in ('delivered', 'bounced') then send.error_message
          when ours.result <> 'sent' then coalesce(ours.error_message, send.error_message)
        end,
        -- Not with any other end: a replay needs them.
        variables = case when ours.result = 'sent' and ${holdsSecrets} then '{}' else send.variables end,
        updated_at = now()
      from ours where send.id = ours.id
      returning ours.*
    ), logged as (
      insert into email.email_attempts as known (email_send_id, number, started_at, provider, outcome, message_id, error_message)
      select id, number, claimed_at, provider, attempt, message_id, error_message from recorded where attempt is not null
      on conflict (email_send_id, number) do update
        -- It was given up as abandoned, and now we hear what came of it.
        set outcome = excluded.outcome, provider = excluded.provider, message_id = excluded.message_id,
          error_message = excluded.error_message, ended_at = excluded.ended_at
        where known.outcome = 'abandoned'
    ), ended as (
      delete from email.email_outbox using recorded
      where email_send_id = recorded.id and recorded.result in ('sent', 'failed', 'uncertain')
    )
    select id from recorded`;
  const recorded = await executeNamed<{ id: string }>(db.write(), 'record_outcomes', statement);
  return recorded.rows.map(({ id }) => id);
}

/** Text that Postgres takes, whatever a server answered: no NUL, no half of a character, no end of length. */
function storable(text: string | undefined): string | undefined {
  return text?.slice(0, MOST_TEXT_CHARACTERS).replaceAll('\0', '').toWellFormed();
}
