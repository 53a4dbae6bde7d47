import { type Database, emailSends, emailWebhooks, type Tx } from '@sv-sdk/db';
import { addSuppressions, type EmailEventType, type Suppression } from '@sv-sdk/email';
import type { Logger } from '@sv-sdk/telemetry';
import { and, asc, lte, not, sql } from 'drizzle-orm';
import { type Loop, startLoop } from '../../loop.ts';
import { holdsSecrets } from '../email/claim.ts';
import { advance, type EmailState, isOpen } from './advance.ts';
import type { EventMetrics } from './metrics.ts';

const INTERVAL_MS = 1_000;
/** Some 30 ms; the emails' rows are locked for so long. */
const BATCH_EVENTS = 500;

export interface ApplyOptions {
  readonly db: Database;
  readonly metrics: EventMetrics;
}

/**
 * Applies what email providers have told to the emails' rows, in every worker. Events that another worker is at are
 * skipped; two that tell of the same email wait for each other at its row.
 */
export function startEventApplier(options: ApplyOptions & { logger: Logger }): Loop {
  return startLoop({
    name: 'email events',
    intervalMs: INTERVAL_MS,
    turn: async () => ((await applyBatch(options)) === BATCH_EVENTS ? 'again' : 'rest'),
    logger: options.logger,
  });
}

type StoredEvent = Omit<typeof emailWebhooks.$inferSelect, 'eventType' | 'payload'> & {
  readonly type: EmailEventType;
  readonly detail: string | null;
};

type EmailRow = EmailState &
  Pick<typeof emailSends.$inferSelect, 'id' | 'recipient' | 'messageId' | 'createdAt'>;

interface Match {
  readonly event: StoredEvent;
  readonly email: EmailRow;
}

/** One batch of those that are due; answers how many it looked at. */
export async function applyBatch({ db, metrics }: ApplyOptions): Promise<number> {
  // Most looks find nothing: one statement then, and the metric tells the truth while applying fails.
  const oldest = await findOldestDue(db);
  metrics.setOldestDue(oldest);
  if (oldest === undefined) return 0;

  const done = await db.withTx(async (tx) => {
    const events = await takeDue(tx);
    const emails = await lockEmails(tx, events);
    const matches = matchEvents(events, emails);
    await writeEmails(tx, matches);
    const given = await settleEvents(tx, events, matches);
    const suppressed = await addSuppressions(tx, suppressionsOf(matches, given));
    return { events, matches, given, suppressed };
  });
  for (const { event } of done.matches) {
    metrics.observeApplied(event.provider, event.type, (Date.now() - event.receivedAt.getTime()) / 1000);
  }
  for (const { provider } of done.given) metrics.countUnmatched(provider);
  for (const { reason } of done.suppressed) metrics.countSuppressed(reason, 1);
  metrics.setOldestDue(await findOldestDue(db));
  return done.events.length;
}

const isDue = () => and(not(emailWebhooks.processed), lte(emailWebhooks.applyAt, sql`now()`));

async function findOldestDue(db: Database): Promise<Date | undefined> {
  const [oldest] = await db
    .write()
    .select({ applyAt: emailWebhooks.applyAt })
    .from(emailWebhooks)
    .where(isDue())
    .orderBy(asc(emailWebhooks.applyAt))
    .limit(1);
  return oldest?.applyAt;
}

async function takeDue(tx: Tx): Promise<StoredEvent[]> {
  const rows = await tx
    .select()
    .from(emailWebhooks)
    .where(isDue())
    .orderBy(asc(emailWebhooks.applyAt))
    .limit(BATCH_EVENTS)
    .for('update', { skipLocked: true });
  return rows.map(({ eventType, payload, ...row }) => ({
    ...row,
    type: eventType as EmailEventType,
    detail: typeof payload['detail'] === 'string' ? payload['detail'] : null,
  }));
}

/** In the order of ids, as everybody who locks several does. */
async function lockEmails(tx: Tx, events: readonly StoredEvent[]): Promise<EmailRow[]> {
  const ids = textsOf(events, ({ emailSendId }) => emailSendId);
  const messageIds = textsOf(events, ({ emailSendId, messageId }) =>
    emailSendId === null ? messageId : null,
  );
  // Two statements: of one that looks up, sorts and locks, a planner may make a walk over all emails.
  const found = await tx.execute<{ id: string }>(sql`
    select id from ${emailSends} where id = any(${sql.param(ids)}::text[])
    union select id from ${emailSends} where message_id = any(${sql.param(messageIds)}::text[])`);
  const wanted = found.rows.map(({ id }) => id);
  if (wanted.length === 0) return [];
  return tx
    .select({
      id: emailSends.id,
      recipient: emailSends.recipient,
      messageId: emailSends.messageId,
      createdAt: emailSends.createdAt,
      status: emailSends.status,
      sentAt: emailSends.sentAt,
      deliveredAt: emailSends.deliveredAt,
      bouncedAt: emailSends.bouncedAt,
      complainedAt: emailSends.complainedAt,
      failedAt: emailSends.failedAt,
      errorMessage: emailSends.errorMessage,
    })
    .from(emailSends)
    .where(sql`${emailSends.id} = any(${sql.param(wanted)}::text[])`)
    .orderBy(asc(emailSends.id))
    .for('no key update');
}

function textsOf(events: readonly StoredEvent[], pick: (event: StoredEvent) => string | null): string[] {
  return [...new Set(events.flatMap((event) => pick(event) ?? []))];
}

/** By our own id where the provider gives it back, else by the provider's id and the recipient. */
function matchEvents(events: readonly StoredEvent[], emails: readonly EmailRow[]): Match[] {
  const byId = new Map(emails.map((email) => [email.id, email]));
  const byMessageId = Map.groupBy(
    emails.filter(({ messageId }) => messageId !== null),
    ({ messageId }) => messageId,
  );
  const find = ({ emailSendId, messageId, recipient }: StoredEvent) =>
    emailSendId !== null
      ? byId.get(emailSendId)
      : byMessageId
          .get(messageId)
          ?.find((email) => recipient === null || isSameAddress(email.recipient, recipient));
  return events.flatMap((event) => {
    const email = find(event);
    return email === undefined ? [] : [{ event, email }];
  });
}

const isSameAddress = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** Writes what the events make of their emails; those that stay as they are cost nothing. */
async function writeEmails(tx: Tx, matches: readonly Match[]): Promise<void> {
  const rows = [...Map.groupBy(matches, ({ email }) => email)].flatMap(([before, ofEmail]) => {
    const after = ofEmail.reduce<EmailState>(
      (state, { event }) => advance(state, happeningOf(event, before)),
      before,
    );
    if (!hasChanged(before, after)) return [];
    const [{ event } = { event: undefined }] = ofEmail;
    return [
      {
        id: before.id,
        was_open: isOpen(before.status),
        status: after.status,
        sent_at: after.sentAt,
        delivered_at: after.deliveredAt,
        bounced_at: after.bouncedAt,
        complained_at: after.complainedAt,
        failed_at: after.failedAt,
        error_message: after.errorMessage,
        provider: event?.provider,
        message_id: event?.messageId,
      },
    ];
  });
  if (rows.length === 0) return;
  await tx.execute(sql`
    update ${emailSends} as send set
      status = new.status::email.email_status, sent_at = new.sent_at, delivered_at = new.delivered_at,
      bounced_at = new.bounced_at, complained_at = new.complained_at, failed_at = new.failed_at,
      error_message = new.error_message,
      claimed_at = case when new.was_open then null else send.claimed_at end,
      provider = case when new.was_open then new.provider else send.provider end,
      message_id = case when new.was_open then coalesce(new.message_id, send.message_id) else send.message_id end,
      variables = case when new.was_open and ${holdsSecrets} then '{}' else send.variables end,
      updated_at = now()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as new (
      id text, was_open boolean, status text, sent_at timestamptz, delivered_at timestamptz, bounced_at timestamptz,
      complained_at timestamptz, failed_at timestamptz, error_message text, provider text, message_id text)
    where send.id = new.id`);
  const ended = rows.filter(({ was_open }) => was_open).map(({ id }) => id);
  if (ended.length > 0) {
    await tx.execute(
      sql`delete from email.email_outbox where email_send_id = any(${sql.param(ended)}::text[])`,
    );
  }
}

/** Providers count in seconds, and their clocks are not ours: never before the email was, nor after we heard of it. */
function happeningOf({ type, detail, occurredAt, receivedAt }: StoredEvent, { createdAt }: EmailRow) {
  const atMs = Math.min(occurredAt?.getTime() ?? receivedAt.getTime(), receivedAt.getTime());
  return { type, detail, at: new Date(Math.max(atMs, createdAt.getTime())) };
}

function hasChanged(before: EmailState, after: EmailState): boolean {
  return (Object.keys(after) as (keyof EmailState)[]).some(
    (name) => after[name]?.valueOf() !== before[name]?.valueOf(),
  );
}

/**
 * Ends the matched events. The others are looked at again after as long as they have been there, for a day: the record
 * that holds their message id may still be on its way. Answers those that are given up.
 */
async function settleEvents(
  tx: Tx,
  events: readonly StoredEvent[],
  matches: readonly Match[],
): Promise<StoredEvent[]> {
  const matched = matches.map(({ event, email }) => ({ id: event.id, email_send_id: email.id }));
  if (matched.length > 0) {
    await tx.execute(sql`
      update ${emailWebhooks} as event
      set processed = true, processed_at = now(), email_send_id = matched.email_send_id
      from jsonb_to_recordset(${JSON.stringify(matched)}::jsonb) as matched (id text, email_send_id text)
      where event.id = matched.id`);
  }
  const isMatched = new Set(matched.map(({ id }) => id));
  const others = new Map(events.filter(({ id }) => !isMatched.has(id)).map((event) => [event.id, event]));
  if (others.size === 0) return [];
  const { rows } = await tx.execute<{ id: string }>(sql`
    with looked as (
      update ${emailWebhooks} set
        processed = received_at < now() - interval '1 day',
        processed_at = case when received_at < now() - interval '1 day' then now() end,
        apply_at = now() + least(interval '1 hour', greatest(interval '5 seconds', now() - received_at))
      where id = any(${sql.param([...others.keys()])}::text[])
      returning id, processed)
    select id from looked where processed`);
  return rows.flatMap(({ id }) => others.get(id) ?? []);
}

const REASONS: Readonly<Partial<Record<EmailEventType, Suppression['reason']>>> = {
  complaint: 'complaint',
  hard_bounce: 'bounce',
};

/**
 * Whom nothing is sent to any more; a complaint says more than a bounce. An event that bears our id and has no email
 * is of one that is gone by now (EMAIL_RETENTION_DAYS): what it says of the address is as true.
 */
function suppressionsOf(matches: readonly Match[], given: readonly StoredEvent[]): Suppression[] {
  const all = [
    ...matches.map(({ event, email }) => ({ event, address: email.recipient })),
    ...given.flatMap((event) =>
      event.emailSendId === null || event.recipient === null ? [] : [{ event, address: event.recipient }],
    ),
  ];
  return Object.entries(REASONS).flatMap(([type, reason]) =>
    all
      .filter(({ event }) => event.type === type)
      .map(({ event, address }) => ({
        email: address,
        reason,
        ...(event.detail !== null && { detail: event.detail }),
        ...(event.emailSendId !== null && { emailSendId: event.emailSendId }),
      })),
  );
}
