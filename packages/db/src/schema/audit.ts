import { bigint, boolean, index, jsonb, pgSchema, primaryKey, text } from 'drizzle-orm/pg-core';
import { uuidv7 } from 'uuidv7';
import { createdAt } from './columns.ts';

export const auditSchema = pgSchema('audit');

/**
 * Partitioned by month of `created_at` (the migration says so; drizzle can't), hence the two-column key.
 * `user_id` is no foreign key: a record outlives what it speaks of.
 */
export const auditLogs = auditSchema.table(
  'audit_logs',
  {
    id: text('id').notNull().$defaultFn(uuidv7),
    createdAt: createdAt(),
    eventType: text('event_type').notNull(),
    userId: text('user_id'),
    ipAddress: text('ip_address'),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull(),
    piiMasked: boolean('pii_masked').notNull().default(true),
    /** Place and hash in the chain; null until the sealing job has been there. */
    sequence: bigint('sequence', { mode: 'number' }),
    hash: text('hash'),
  },
  (table) => [
    primaryKey({ name: 'audit_logs_pkey', columns: [table.createdAt, table.id] }),
    index('audit_logs_user_id_idx').on(table.userId, table.createdAt),
    index('audit_logs_event_type_idx').on(table.eventType, table.createdAt),
  ],
);
