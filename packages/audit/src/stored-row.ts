import { type SQL, sql } from 'drizzle-orm';
import type { StoredRow } from './chain.ts';

/** A row as {@link storedColumns} reads it. */
export interface ReadRow extends StoredRow {
  /** `created_at` as Postgres writes it; to be handed back to it. */
  readonly createdAt: string;
  /** Decimal: a tampered one may be larger than a JavaScript number can say. */
  readonly sequence: string | null;
  readonly hash: string | null;
}

/**
 * Every column of audit_logs in the form that is hashed. Milliseconds as a number, because Postgres writes a time in
 * the zone of the session, and rounded down nowhere: the column keeps three digits.
 */
export const storedColumns: SQL = sql.raw(`
  a.id, a.created_at::text as "createdAt", trunc(extract(epoch from a.created_at) * 1000)::text as "createdAtMs",
  a.event_type as "eventType", a.user_id as "userId", a.ip_address as "ipAddress", a.metadata::text as metadata,
  a.pii_masked as "piiMasked", a.sequence::text as sequence, a.hash`);

/** With drizzle's `execute`, which wants an index signature. */
export type ReadRowRecord = ReadRow & Record<string, unknown>;
