import type { AuditRow } from '@sv-sdk/audit';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

export const auditView = z
  .strictObject({
    id: z.string(),
    createdAt: moment,
    eventType: z.string().meta({ examples: ['user.created'] }),
    userId: z
      .string()
      .nullable()
      .meta({ description: 'Who did it; null: nobody who is known, or the platform.' }),
    ipAddress: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).meta({ description: 'Secrets and addresses are masked.' }),
    piiMasked: z.boolean(),
    sequence: z
      .int()
      .nullable()
      .meta({ description: 'Place in the hash chain; null for the first half minute.' }),
    hash: z.string().nullable(),
  })
  .meta({ id: 'AuditLog' });

export function viewAuditRow(row: AuditRow): z.output<typeof auditView> {
  return {
    id: row.id,
    createdAt: row.createdAt.toISOString(),
    eventType: row.eventType,
    userId: row.userId,
    ipAddress: row.ipAddress,
    metadata: row.metadata,
    piiMasked: row.piiMasked,
    sequence: row.sequence,
    hash: row.hash,
  };
}
