import { auditLogs, type Tx } from '@sv-sdk/db';
import { maskMetadata } from './mask.ts';

export interface AuditEvent {
  /** What happened, `resource.verb`: `user.created`, `auth.login.refused`. */
  readonly eventType: string;
  /** Who did it; null: nobody who is known, or the platform itself. */
  readonly userId: string | null;
  readonly ipAddress: string | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/**
 * Writes an audit row in the caller's transaction: a change without its record, or a record of what didn't
 * happen, can't be. Secrets and addresses in the metadata are masked here, so that no caller can forget it.
 */
export async function recordAudit(tx: Tx, event: AuditEvent): Promise<void> {
  await tx.insert(auditLogs).values({
    eventType: event.eventType,
    userId: event.userId,
    ipAddress: event.ipAddress,
    metadata: maskMetadata(event.metadata ?? {}),
    piiMasked: true,
  });
}
