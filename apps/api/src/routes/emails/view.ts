import { type emailSends, emailStatus } from '@sv-sdk/db';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

type EmailRow = typeof emailSends.$inferSelect;

export const emailView = z
  .strictObject({
    id: z.string(),
    to: z.string(),
    template: z.string(),
    locale: z.string(),
    priority: z.int(),
    status: z.enum(emailStatus.enumValues),
    attempts: z.int(),
    provider: z.string().nullable(),
    messageId: z.string().nullable(),
    errorMessage: z.string().nullable(),
    sendAt: moment.nullable(),
    createdAt: moment,
    updatedAt: moment,
    sentAt: moment.nullable(),
    deliveredAt: moment.nullable(),
    bouncedAt: moment.nullable(),
    failedAt: moment.nullable(),
  })
  .meta({ id: 'Email' });

/** Without its variables: they may hold a link that signs in. */
export function viewEmail(email: EmailRow): z.output<typeof emailView> {
  return {
    id: email.id,
    to: email.recipient,
    template: email.template,
    locale: email.locale,
    priority: email.priority,
    status: email.status,
    attempts: email.attempts,
    provider: email.provider,
    messageId: email.messageId,
    errorMessage: email.errorMessage,
    sendAt: email.sendAt?.toISOString() ?? null,
    createdAt: email.createdAt.toISOString(),
    updatedAt: email.updatedAt.toISOString(),
    sentAt: email.sentAt?.toISOString() ?? null,
    deliveredAt: email.deliveredAt?.toISOString() ?? null,
    bouncedAt: email.bouncedAt?.toISOString() ?? null,
    failedAt: email.failedAt?.toISOString() ?? null,
  };
}
