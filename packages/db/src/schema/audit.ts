import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  index,
  jsonb,
  pgSchema,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { uuidv7 } from 'uuidv7';
import { createdAt, moment } from './columns.ts';

export const auditSchema = pgSchema('audit');

/**
 * Partitioned by month of `created_at` (the migration says so; drizzle can't), hence the two-column key. Each
 * partition also has a unique index on `sequence`, made with it by audit.create_partitions().
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
    /** Place and hash in the chain (ADR 0013); null until the sealing job has been there. */
    sequence: bigint('sequence', { mode: 'number' }),
    hash: text('hash'),
  },
  (table) => [
    primaryKey({ name: 'audit_logs_pkey', columns: [table.createdAt, table.id] }),
    index('audit_logs_user_id_event_type_idx').on(table.userId, table.eventType, table.createdAt),
    index('audit_logs_event_type_idx').on(table.eventType, table.createdAt),
    index('audit_logs_unsealed_idx').on(table.createdAt, table.id).where(sql`sequence is null`),
  ],
);

/** Where the chain ends: one row. Whoever has locked it seals. */
export const auditChainHead = auditSchema.table(
  'chain_head',
  {
    only: smallint('only').primaryKey().default(1),
    /** Of the last sealed row; 0: there is none yet. */
    sequence: bigint('sequence', { mode: 'number' }).notNull(),
    hash: text('hash').notNull(),
    /** Over both, so that an older place can't be written here without the key; null while there is no row. */
    signature: text('signature'),
    sealedAt: moment('sealed_at').notNull().defaultNow(),
  },
  (table) => [check('chain_head_only_check', sql`${table.only} = 1`)],
);

/** Partitions that retention has dropped: where the chain goes on after each. */
export const auditDroppedPartitions = auditSchema.table('dropped_partitions', {
  /** `audit_logs_2026_11`. */
  name: text('name').primaryKey(),
  firstSequence: bigint('first_sequence', { mode: 'number' }).notNull(),
  lastSequence: bigint('last_sequence', { mode: 'number' }).notNull(),
  lastHash: text('last_hash').notNull(),
  rowCount: bigint('row_count', { mode: 'number' }).notNull(),
  /** Over all of the above. */
  signature: text('signature').notNull(),
  droppedAt: moment('dropped_at').notNull().defaultNow(),
});
