import { type Db, emailOutbox, emailSends, executeNamed, type Tx } from '@sv-sdk/db';
import { and, asc, eq, inArray, isNull, lte, sql } from 'drizzle-orm';
import { type AnyPgColumn, alias } from 'drizzle-orm/pg-core';

/**
 * Every statement on the outbox that is made again and again. Each reads a few entries of one index, whether ten rows
 * stand there or a million, most of them for next week: statements.integration.test.ts counts the blocks.
 */

/** By another name: FOR UPDATE OF takes no schema, and drizzle writes one for a table. */
const outbox = alias(emailOutbox, 'outbox');

export interface WaitingPriority {
  readonly priority: number;
  readonly oldestDueAt: Date;
}

/** The priorities of what is not in the queue: from one to the next within the index, which goes by priority first. */
const presentPriorities = sql`
  with recursive present (priority) as (
    select min(priority) from email.email_outbox where relayed_at is null
    union all
    select (
      select min(waiting.priority) from email.email_outbox as waiting
      where waiting.relayed_at is null and waiting.priority > present.priority
    )
    from present where present.priority is not null
  )`;

/**
 * The priorities of which an email is due and not in the queue, the most urgent first, and since when its oldest is due.
 */
export const waitingPriorities = sql`
  ${presentPriorities}
  select present.priority, oldest.due_at
  from present cross join lateral (
    select due_at from email.email_outbox
    where relayed_at is null and priority = present.priority and due_at <= now()
    order by due_at limit 1
  ) as oldest
  order by present.priority`;

export async function findWaiting(db: Db): Promise<WaitingPriority[]> {
  const { rows } = await executeNamed<{ priority: number; due_at: string }>(
    db,
    'waiting_priorities',
    waitingPriorities,
  );
  return rows.map(({ priority, due_at }) => ({ priority, oldestDueAt: new Date(due_at) }));
}

/** Locks what of one priority is due, the oldest first, at most so many; skips what another relay has locked. */
export function lockDue(tx: Tx | Db, priority: number, most: number) {
  return tx
    .select({
      emailSendId: emailOutbox.emailSendId,
      priority: emailOutbox.priority,
      dueAt: emailOutbox.dueAt,
      mayHaveJob: emailOutbox.mayHaveJob,
    })
    .from(emailOutbox)
    .where(
      and(
        isNull(emailOutbox.relayedAt),
        eq(emailOutbox.priority, priority),
        lte(emailOutbox.dueAt, sql`now()`),
      ),
    )
    .orderBy(asc(emailOutbox.dueAt))
    .limit(most)
    .for('update', { skipLocked: true });
}

/** What the queue was given, or was last known to have, so long ago; the oldest first, at most so many. */
export function relayedBefore(db: Db, afterSeconds: number, most: number) {
  return db
    .select({ emailSendId: emailOutbox.emailSendId })
    .from(emailOutbox)
    .where(isBefore(emailOutbox.relayedAt, afterSeconds))
    .orderBy(asc(emailOutbox.relayedAt))
    .limit(most);
}

/** Locks those of them that are still as they were then, with the status of the email; skips what another holds. */
export function lockRelayedBefore(tx: Tx | Db, emailSendIds: readonly string[], afterSeconds: number) {
  return tx
    .select({ emailSendId: outbox.emailSendId, status: emailSends.status })
    .from(outbox)
    .innerJoin(emailSends, eq(emailSends.id, outbox.emailSendId))
    .where(and(inArray(outbox.emailSendId, [...emailSendIds]), isBefore(outbox.relayedAt, afterSeconds)))
    .for('update', { of: outbox, skipLocked: true });
}

const isBefore = (moment: AnyPgColumn, seconds: number) =>
  lte(moment, sql`now() - make_interval(secs => ${seconds})`);

/**
 * How many emails are due and have no end yet, counted up to `most` of those in the queue and of those of each priority
 * that are not, and `most` in all.
 */
export const depthUpTo = (most: number) => sql`
  ${presentPriorities}
  select count(*)::int as depth from (
    (select 1 from email.email_outbox where relayed_at is not null limit ${most})
    union all
    (
      select 1 from present cross join lateral (
        select 1 from email.email_outbox
        where relayed_at is null and priority = present.priority and due_at <= now() limit ${most}
      ) as due
    )
    limit ${most}
  ) as counted`;

/** Emails that are due and have no end yet, at most `most`. */
export async function countDepth(db: Db, most: number): Promise<number> {
  const { rows } = await db.execute<{ depth: number }>(depthUpTo(most));
  return rows[0]?.depth ?? 0;
}
