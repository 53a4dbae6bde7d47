import {
  type emailAttachments,
  type emailAttempts,
  emailKind,
  type emailSends,
  emailStatus,
} from '@sv-sdk/db';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

export type EmailRow = typeof emailSends.$inferSelect;
export type AttemptRow = typeof emailAttempts.$inferSelect;
export type AttachmentHead = Pick<typeof emailAttachments.$inferSelect, 'filename' | 'contentType'> & {
  readonly bytes: number;
};

export const emailView = z
  .strictObject({
    id: z.string(),
    to: z.string(),
    template: z.string(),
    locale: z.string(),
    kind: z.enum(emailKind.enumValues),
    priority: z.int(),
    status: z.enum(emailStatus.enumValues),
    attempts: z.int(),
    maxAttempts: z.int(),
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
    suppressedAt: moment.nullable(),
    cancelledAt: moment.nullable(),
    complainedAt: moment.nullable(),
    uncertainAt: moment
      .nullable()
      .meta({ description: 'When it was first seen that it may have gone out, or gone out twice.' }),
  })
  .meta({ id: 'Email' });

const attemptView = z
  .strictObject({
    number: z.int(),
    startedAt: moment,
    endedAt: moment,
    provider: z.string().nullable(),
    outcome: z.string().meta({ description: 'sent, rejected, refused, uncertain or abandoned.' }),
    messageId: z.string().nullable(),
    errorMessage: z.string().nullable(),
  })
  .meta({ id: 'EmailAttempt' });

export const emailDetailsView = emailView
  .extend({
    attemptLog: z.array(attemptView).meta({ description: 'The first is the oldest.' }),
    attachments: z.array(z.strictObject({ filename: z.string(), contentType: z.string(), bytes: z.int() })),
  })
  .meta({ id: 'EmailDetails' });

const iso = (date: Date | null) => date?.toISOString() ?? null;

/** Without its variables: they may hold a link that signs in. */
export function viewEmail(email: EmailRow): z.output<typeof emailView> {
  return {
    id: email.id,
    to: email.recipient,
    template: email.template,
    locale: email.locale,
    kind: email.kind,
    priority: email.priority,
    status: email.status,
    attempts: email.attempts,
    maxAttempts: email.maxAttempts,
    provider: email.provider,
    messageId: email.messageId,
    errorMessage: email.errorMessage,
    sendAt: iso(email.sendAt),
    createdAt: email.createdAt.toISOString(),
    updatedAt: email.updatedAt.toISOString(),
    sentAt: iso(email.sentAt),
    deliveredAt: iso(email.deliveredAt),
    bouncedAt: iso(email.bouncedAt),
    failedAt: iso(email.failedAt),
    suppressedAt: iso(email.suppressedAt),
    cancelledAt: iso(email.cancelledAt),
    complainedAt: iso(email.complainedAt),
    uncertainAt: iso(email.uncertainAt),
  };
}

/** The same with its attempts and what is attached to it. */
export function viewEmailDetails(
  email: EmailRow,
  attempts: readonly AttemptRow[],
  attachments: readonly AttachmentHead[],
): z.output<typeof emailDetailsView> {
  const attemptLog = attempts.map(({ emailSendId: _, startedAt, endedAt, ...attempt }) => ({
    ...attempt,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
  }));
  return { ...viewEmail(email), attemptLog, attachments: [...attachments] };
}
