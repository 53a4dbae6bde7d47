import { type Database, executeNamed } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';

/** One email, and this worker alone has it until the claim's lease is over. */
export interface ClaimedEmail {
  readonly id: string;
  readonly recipient: string;
  readonly template: string;
  readonly locale: string;
  readonly templateId: string | null;
  readonly kind: 'transactional' | 'marketing';
  readonly variables: Readonly<Record<string, unknown>>;
  /** This attempt's number, from 1. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** As Postgres writes it. The outcome is recorded under it: a later claim of the same row has another. */
  readonly claimedAt: string;
  /** Since when it has been due. */
  readonly dueAt: Date;
  /** A worker took it before and was not heard of again; it may have gone out. */
  readonly isAbandoned: boolean;
  /** Of the recipient, for marketing; null: they have none. */
  readonly unsubscribeToken: string | null;
  readonly hasAttachments: boolean;
}

export type Claim =
  | { readonly outcome: 'claimed'; readonly email: ClaimedEmail }
  /** The claim itself was its end: the recipient is not written to. */
  | { readonly outcome: 'suppressed'; readonly isAbandoned: boolean }
  /** The claim itself was its end: it was abandoned, and is not to be tried again. */
  | { readonly outcome: 'uncertain' }
  /** Another worker has it, for so long at the most. */
  | { readonly outcome: 'held'; readonly remainingMs: number }
  /** It has an end, or is gone. */
  | { readonly outcome: 'done' };

export interface ClaimOptions {
  readonly leaseSeconds: number;
  /** Whether an email that may have gone out is sent again. */
  readonly retryUncertain: boolean;
}

type ClaimedRow = Omit<ClaimedEmail, 'dueAt'> & {
  readonly dueAt: string | null;
  readonly status: 'queued' | 'suppressed' | 'uncertain';
};

/**
 * Takes all of these emails that are free, and counts the attempts. One statement, so two workers can't have the
 * same; the database's clock on both sides, so theirs need not agree. Whoever may not be written to is found here, with
 * what is known at the last moment. Answers one claim for each id, in order.
 */
export async function claimEmails(
  db: Database,
  emailSendIds: readonly string[],
  options: ClaimOptions,
): Promise<Claim[]> {
  const statement = claimStatement(emailSendIds, options);
  const found = await executeNamed<ClaimedRow>(db.write(), 'claim_emails', statement);
  const rows = new Map(found.rows.map((row) => [row.id, row]));
  const missed = emailSendIds.filter((id) => !rows.has(id));
  const heldForMs = missed.length === 0 ? new Map<string, number>() : await findHeld(db, missed, options);
  return emailSendIds.map((id): Claim => {
    const row = rows.get(id);
    if (row === undefined) {
      const remainingMs = heldForMs.get(id);
      return remainingMs === undefined ? { outcome: 'done' } : { outcome: 'held', remainingMs };
    }
    if (row.status === 'suppressed') return { outcome: 'suppressed', isAbandoned: row.isAbandoned };
    if (row.status === 'uncertain') return { outcome: 'uncertain' };
    const { status: _status, dueAt, ...email } = row;
    // The same id twice in one batch: two jobs of one email. The first has it, the second meets its holder.
    rows.delete(id);
    heldForMs.set(id, options.leaseSeconds * 1000);
    return { outcome: 'claimed', email: { ...email, dueAt: dueAt === null ? new Date() : new Date(dueAt) } };
  });
}

/**
 * `skip locked`: a row that somebody else changes at this moment is not waited for, as 50 others would wait with it.
 * In the order of ids, so that two batches can't wait for each other in a circle.
 */
const claimStatement = (
  emailSendIds: readonly string[],
  { leaseSeconds, retryUncertain }: ClaimOptions,
) => sql`
  with free as materialized (
    select id, recipient, kind, attempts, claimed_at, claimed_at is not null as is_abandoned
    from email.email_sends
    where id = any(${sql.param(emailSendIds)}::text[]) and status = 'queued'
      and (claimed_at is null or claimed_at < now() - make_interval(secs => ${leaseSeconds}))
    order by id
    for update skip locked
  ), judged as materialized (
    select free.*, preferences.unsubscribe_token,
      case
        when is_abandoned and not ${retryUncertain} then 'uncertain'
        when suppression.id is not null or not preferences.marketing then 'suppressed'
        else 'queued'
      end::email.email_status as status,
      case
        when is_abandoned and not ${retryUncertain} then 'its worker was not heard of again'
        when suppression.id is not null then 'the address is suppressed: ' || suppression.reason
        when not preferences.marketing then 'the recipient has unsubscribed'
      end as end_reason
    from free
    left join email.email_suppressions as suppression on suppression.email = lower(free.recipient)
    left join email.email_preferences as preferences
      on free.kind = 'marketing' and preferences.email = lower(free.recipient)
  ), claimed as (
    update email.email_sends as send set
      status = judged.status,
      claimed_at = case when judged.status = 'queued' then now() end,
      attempts = send.attempts + (judged.status = 'queued')::int,
      uncertain_at = case when judged.is_abandoned then coalesce(send.uncertain_at, now()) else send.uncertain_at end,
      suppressed_at = case when judged.status = 'suppressed' then now() else send.suppressed_at end,
      error_message = coalesce(judged.end_reason, send.error_message),
      variables = case when judged.status = 'suppressed' and ${holdsSecrets} then '{}' else send.variables end,
      updated_at = now()
    from judged where send.id = judged.id
    returning send.*, judged.is_abandoned, judged.unsubscribe_token
  ), abandoned as (
    insert into email.email_attempts (email_send_id, number, started_at, outcome, error_message)
    select id, attempts, claimed_at, 'abandoned', 'its worker was not heard of again' from judged where is_abandoned
    on conflict do nothing
  ), ended as (
    delete from email.email_outbox using judged where email_send_id = judged.id and judged.status <> 'queued'
  )
  select claimed.id, claimed.recipient, claimed.template, claimed.locale, claimed.template_id as "templateId",
    claimed.kind, claimed.variables, claimed.status, claimed.attempts, claimed.max_attempts as "maxAttempts",
    claimed.claimed_at as "claimedAt", outbox.due_at as "dueAt", claimed.is_abandoned as "isAbandoned",
    claimed.unsubscribe_token as "unsubscribeToken",
    exists (select from email.email_attachments where email_send_id = claimed.id) as "hasAttachments"
  from claimed left join email.email_outbox as outbox on outbox.email_send_id = claimed.id`;

/** Whether the variables of the row `send` open a door, so that they go with the email's end. */
export const holdsSecrets = sql`coalesce(
  (select holds_secrets from email.email_templates where id = send.template_id), false)`;

/** Why some could not be claimed: those that are still queued, and for how long they are held at the most. */
async function findHeld(
  db: Database,
  emailSendIds: readonly string[],
  { leaseSeconds }: ClaimOptions,
): Promise<Map<string, number>> {
  const found = await db.write().execute<{ id: string; remainingMs: number }>(sql`
    select id, greatest(0, coalesce(
      ceil(extract(epoch from claimed_at - now() + make_interval(secs => ${leaseSeconds})) * 1000), 0))::int as "remainingMs"
    from email.email_sends where id = any(${sql.param(emailSendIds)}::text[]) and status = 'queued'`);
  return new Map(found.rows.map(({ id, remainingMs }) => [id, remainingMs]));
}
