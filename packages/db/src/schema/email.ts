import { sql } from 'drizzle-orm';
import {
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { users } from './auth.ts';
import { createdAt, id, moment, updatedAt } from './columns.ts';

export const emailSchema = pgSchema('email');

export const emailStatus = emailSchema.enum('email_status', [
  'queued',
  'sent',
  'delivered',
  'bounced',
  'failed',
  /** Not sent: the address is suppressed, or does not want this kind. */
  'suppressed',
  /** Not sent: somebody took it back. */
  'cancelled',
  /** It may have gone out, and is not tried again (EMAIL_RETRY_UNCERTAIN=false). */
  'uncertain',
]);

/** `transactional`: what somebody needs and waits for. `marketing`: what they may unsubscribe from. */
export const emailKind = emailSchema.enum('email_kind', ['transactional', 'marketing']);

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/**
 * One row a version: what it says is never changed, so an email is sent as it was asked for, and whatever is made
 * of a row (its HTML, the compiled form in memory) is right for ever.
 */
export const emailTemplates = emailSchema.table(
  'email_templates',
  {
    id: id(),
    name: text('name').notNull(),
    locale: text('locale').notNull().default('en'),
    version: integer('version').notNull().default(1),
    subject: text('subject').notNull(),
    mjml: text('mjml').notNull(),
    /** What MJML makes of it, with its placeholders; null: not compiled yet, which `sdk db migrate` does. */
    html: text('html'),
    /** Names that a caller must give. */
    variables: text('variables').array().notNull(),
    kind: emailKind('kind').notNull().default('transactional'),
    /** Its variables open a door (a link to reset a password): they are wiped once the email has gone out. */
    holdsSecrets: boolean('holds_secrets').notNull().default(false),
    isActive: boolean('is_active').notNull().default(true),
    /** Null: the platform itself. */
    createdBy: text('created_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('email_templates_created_by_idx').on(table.createdBy).where(sql`created_by is not null`),
    uniqueIndex('email_templates_name_locale_version_key').on(table.name, table.locale, table.version),
  ],
);

/** The truth about every email: one row each, updated in place, whatever happens to Redis. */
export const emailSends = emailSchema.table(
  'email_sends',
  {
    id: id(),
    recipient: text('recipient').notNull(),
    template: text('template').notNull(),
    locale: text('locale').notNull().default('en'),
    /** The version that it was asked for with. */
    templateId: text('template_id').references(() => emailTemplates.id, { onDelete: 'restrict' }),
    kind: emailKind('kind').notNull().default('transactional'),
    variables: jsonb('variables').$type<Record<string, unknown>>().notNull(),
    priority: smallint('priority').notNull().default(5),
    sendAt: moment('send_at'),
    status: emailStatus('status').notNull().default('queued'),
    /** Who asked for it; null: the platform itself. */
    requestedBy: text('requested_by').references(() => users.id, { onDelete: 'set null' }),
    idempotencyKey: text('idempotency_key'),
    attempts: integer('attempts').notNull().default(0),
    /** A replay adds three to the attempts that there were. */
    maxAttempts: smallint('max_attempts').notNull().default(3),
    /** Set by the worker that took the row for sending; cleared with the outcome. */
    claimedAt: moment('claimed_at'),
    provider: text('provider'),
    messageId: text('message_id'),
    errorMessage: text('error_message'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    sentAt: moment('sent_at'),
    deliveredAt: moment('delivered_at'),
    bouncedAt: moment('bounced_at'),
    failedAt: moment('failed_at'),
    suppressedAt: moment('suppressed_at'),
    cancelledAt: moment('cancelled_at'),
    complainedAt: moment('complained_at'),
    /** It may have gone out, or gone out twice: when that was first seen. Stays whatever comes later. */
    uncertainAt: moment('uncertain_at'),
  },
  (table) => [
    uniqueIndex('email_sends_idempotency_key')
      .on(table.requestedBy, table.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    index('email_sends_created_at_id_idx').on(table.createdAt, table.id),
    index('email_sends_requested_by_idx').on(table.requestedBy, table.createdAt),
    // What somebody was sent; in lower case, as addresses are compared everywhere.
    index('email_sends_recipient_idx').on(sql`lower(${table.recipient})`, table.createdAt),
    index('email_sends_message_id_idx').on(table.messageId).where(sql`message_id is not null`),
    index('email_sends_queued_idx').on(table.createdAt).where(sql`status = 'queued'`),
    // The dead letters, and whatever else did not go its way: few rows, which people ask for by status.
    index('email_sends_status_created_at_idx')
      .on(table.status, table.createdAt, table.id)
      .where(sql`status not in ('queued', 'sent', 'delivered')`),
    // The rest of what people ask for by status: who tells of no delivery (SMTP) has none delivered, who tells of all
    // has few sent.
    index('email_sends_sent_idx').on(table.createdAt, table.id).where(sql`status = 'sent'`),
    index('email_sends_delivered_idx').on(table.createdAt, table.id).where(sql`status = 'delivered'`),
    index('email_sends_template_created_at_idx').on(table.template, table.createdAt, table.id),
    index('email_sends_template_id_idx').on(table.templateId),
    index('email_sends_uncertain_at_idx').on(table.uncertainAt).where(sql`uncertain_at is not null`),
  ],
);

/** How one attempt at an email ended; for people who ask why. */
export const emailAttempts = emailSchema.table(
  'email_attempts',
  {
    emailSendId: text('email_send_id')
      .notNull()
      .references(() => emailSends.id, { onDelete: 'cascade' }),
    /** `email_sends.attempts` at that time, from 1. */
    number: integer('number').notNull(),
    startedAt: moment('started_at').notNull(),
    endedAt: moment('ended_at').notNull().defaultNow(),
    /** Null: none was asked. */
    provider: text('provider'),
    /** sent, rejected, refused, uncertain, abandoned (its worker was not heard of again). */
    outcome: text('outcome').notNull(),
    messageId: text('message_id'),
    errorMessage: text('error_message'),
  },
  (table) => [primaryKey({ columns: [table.emailSendId, table.number] })],
);

/** Gone with its email. */
export const emailAttachments = emailSchema.table(
  'email_attachments',
  {
    id: id(),
    emailSendId: text('email_send_id')
      .notNull()
      .references(() => emailSends.id, { onDelete: 'cascade' }),
    position: smallint('position').notNull(),
    filename: text('filename').notNull(),
    contentType: text('content_type').notNull(),
    content: bytes('content').notNull(),
  },
  (table) => [
    uniqueIndex('email_attachments_email_send_id_position_key').on(table.emailSendId, table.position),
  ],
);

/**
 * The emails that have no end yet: written in the transaction of the email_sends row, handed to the queue when they
 * are due and the queue has room, removed with their end. Small, so that relay and sweeper never look at the rest.
 */
export const emailOutbox = emailSchema.table(
  'email_outbox',
  {
    emailSendId: text('email_send_id')
      .primaryKey()
      .references(() => emailSends.id, { onDelete: 'cascade' }),
    priority: smallint('priority').notNull(),
    /** Not before: `send_at`, or the acceptance. */
    dueAt: moment('due_at').notNull(),
    /** When the queue was given it; null: not yet, or again. */
    relayedAt: moment('relayed_at'),
    /** The queue may keep a finished job of it (a replay, a restored email), which would keep a new one out. */
    mayHaveJob: boolean('may_have_job').notNull().default(false),
  },
  (table) => [
    index('email_outbox_waiting_idx').on(table.priority, table.dueAt).where(sql`relayed_at is null`),
    index('email_outbox_relayed_idx').on(table.relayedAt).where(sql`relayed_at is not null`),
  ],
);

export const emailWebhooks = emailSchema.table(
  'email_webhooks',
  {
    id: id(),
    provider: text('provider').notNull(),
    /** The provider's own id of the event: the same event twice is one row. */
    eventId: text('event_id').notNull(),
    eventType: text('event_type').notNull(),
    messageId: text('message_id'),
    /** Our own id, where the provider gives back what we sent along. No reference: an event may outlive its email. */
    emailSendId: text('email_send_id'),
    recipient: text('recipient'),
    /** When it happened, by the provider's clock. */
    occurredAt: moment('occurred_at'),
    payload: jsonb('payload').$type<Record<string, unknown>>().notNull(),
    processed: boolean('processed').notNull().default(false),
    receivedAt: moment('received_at').notNull().defaultNow(),
    /** Not before; later at each look that finds no email of it, so that what is nobody's never stands in the way. */
    applyAt: moment('apply_at').notNull().defaultNow(),
    processedAt: moment('processed_at'),
  },
  (table) => [
    uniqueIndex('email_webhooks_provider_event_id_key').on(table.provider, table.eventId),
    index('email_webhooks_unprocessed_idx').on(table.applyAt).where(sql`not processed`),
    index('email_webhooks_received_at_idx').on(table.receivedAt),
  ],
);

export const emailPreferences = emailSchema.table(
  'email_preferences',
  {
    id: id(),
    /** Lower case. */
    email: text('email').notNull(),
    marketing: boolean('marketing').notNull().default(true),
    unsubscribeToken: text('unsubscribe_token').notNull(),
    unsubscribedAt: moment('unsubscribed_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    uniqueIndex('email_preferences_email_key').on(table.email),
    uniqueIndex('email_preferences_unsubscribe_token_key').on(table.unsubscribeToken),
  ],
);

export const emailSuppressions = emailSchema.table(
  'email_suppressions',
  {
    id: id(),
    /** Lower case. */
    email: text('email').notNull(),
    /** bounce, complaint, manual. Who only unsubscribes stands in email_preferences: other kinds still go out. */
    reason: text('reason').notNull(),
    /** What the provider, or the person, said. */
    detail: text('detail'),
    /** The email that it came of; no reference: it outlives it. */
    emailSendId: text('email_send_id'),
    createdBy: text('created_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('email_suppressions_email_key').on(table.email),
    index('email_suppressions_created_at_id_idx').on(table.createdAt, table.id),
    index('email_suppressions_reason_created_at_idx').on(table.reason, table.createdAt, table.id),
    index('email_suppressions_created_by_idx').on(table.createdBy).where(sql`created_by is not null`),
  ],
);
