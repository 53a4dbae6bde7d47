import { SUPPRESSION_REASONS, type SuppressionRow } from '@sv-sdk/email';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

export const suppressionReason = z.enum(SUPPRESSION_REASONS);

export const suppressionView = z
  .strictObject({
    id: z.string(),
    email: z.string(),
    reason: suppressionReason,
    detail: z.string().nullable().meta({ description: 'What the provider, or the person, said.' }),
    emailSendId: z.string().nullable().meta({ description: 'The email that it came of.' }),
    createdBy: z.string().nullable().meta({ description: 'The id of a user; null: a provider said so.' }),
    createdAt: moment,
  })
  .meta({ id: 'Suppression' });

export function viewSuppression(row: SuppressionRow): z.output<typeof suppressionView> {
  return {
    id: row.id,
    email: row.email,
    reason: suppressionReason.parse(row.reason),
    detail: row.detail,
    emailSendId: row.emailSendId,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
  };
}
