import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgSchema, smallint, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { users } from './auth.ts';
import { createdAt, id, moment, updatedAt } from './columns.ts';

export const emailSchema = pgSchema('email');

export const emailStatus = emailSchema.enum('email_status', [
  'queued',
  'sent',
  'delivered',
  'bounced',
  'failed',
]);

export const emailTemplates = emailSchema.table(
  'email_templates',
  {
    id: id(),
    name: text('name').notNull(),
    locale: text('locale').notNull().default('en'),
    version: integer('version').notNull().default(1),
    subject: text('subject').notNull(),
    mjml: text('mjml').notNull(),
    /** Names that a caller must give. */
    variables: text('variables').array().notNull(),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
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
    variables: jsonb('variables').$type<Record<string, unknown>>().notNull(),
    priority: smallint('priority').notNull().default(5),
    sendAt: moment('send_at'),
    status: emailStatus('status').notNull().default('queued'),
    /** Who asked for it; null: the platform itself. */
    requestedBy: text('requested_by').references(() => users.id, { onDelete: 'set null' }),
    idempotencyKey: text('idempotency_key'),
    attempts: integer('attempts').notNull().default(0),
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
  },
  (table) => [
    uniqueIndex('email_sends_idempotency_key')
      .on(table.requestedBy, table.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    index('email_sends_created_at_id_idx').on(table.createdAt, table.id),
    index('email_sends_requested_by_idx').on(table.requestedBy, table.createdAt),
    index('email_sends_message_id_idx').on(table.messageId).where(sql`message_id is not null`),
    index('email_sends_queued_idx').on(table.createdAt).where(sql`status = 'queued'`),
  ],
);

/** What the relay still has to hand to the queue; written in the transaction of the email_sends row. */
export const emailOutbox = emailSchema.table(
  'email_outbox',
  {
    id: id(),
    emailSendId: text('email_send_id')
      .notNull()
      .references(() => emailSends.id, { onDelete: 'cascade' }),
    createdAt: createdAt(),
  },
  (table) => [uniqueIndex('email_outbox_email_send_id_key').on(table.emailSendId)],
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
    payload: jsonb('payload').$type<Record<string, unknown>>().notNull(),
    processed: boolean('processed').notNull().default(false),
    receivedAt: moment('received_at').notNull().defaultNow(),
  },
  (table) => [uniqueIndex('email_webhooks_provider_event_id_key').on(table.provider, table.eventId)],
);

export const emailPreferences = emailSchema.table(
  'email_preferences',
  {
    id: id(),
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
    email: text('email').notNull(),
    reason: text('reason').notNull(),
    createdAt: createdAt(),
  },
  (table) => [uniqueIndex('email_suppressions_email_key').on(table.email)],
);
