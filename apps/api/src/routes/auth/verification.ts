import { recordAudit } from '@sv-sdk/audit';
import {
  asIf,
  findUserByEmail,
  issueVerification,
  redeemVerification,
  takeMailAllowance,
} from '@sv-sdk/auth';
import { keysOfUser } from '@sv-sdk/cache';
import { markStale, users } from '@sv-sdk/db';
import { enqueueEmail } from '@sv-sdk/email';
import { eq } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress } from '../../schemas.ts';
import { passwordResetMail, verificationMail } from './mail.ts';

/** As it stood in the mail; what isn't one of ours is refused like one that was used. */
export const mailedToken = z.string().min(1).max(128);

/** Unknown, used, replaced, expired, of another kind, or of a user who isn't active: one answer. */
export const linkIsNotValid = (eventType: string) =>
  new ApiError(
    'AUTHENTICATION_ERROR',
    'The link is not valid: it was used, it has expired, or a newer one was sent.',
    {
      field: 'token',
      refusal: { eventType },
    },
  );

/** Two routes of one kind: anybody asks for a mail to an address, and learns nothing of who has it. */
function mailEndpoint(options: {
  path: string;
  operationId: string;
  summary: string;
  kind: 'verify_email' | 'reset_password';
  eventType: string;
}) {
  const isVerification = options.kind === 'verify_email';
  return itemEndpoint({
    method: 'post',
    path: options.path,
    operationId: options.operationId,
    summary: options.summary,
    tag: 'auth',
    access: 'public',
    limit: 'signIn',
    body: z.strictObject({ email: emailAddress }),
    status: 202,
    data: z.strictObject({ accepted: z.literal(true) }),
    /** Whoever has the address, and whether a mail goes: the same statements, the same answer. */
    async handle({ services, body, ipAddress, withTx }) {
      await withTx(async (tx) => {
        const user = await findUserByEmail(tx, body.email);
        const mayMail = await takeMailAllowance(tx, body.email);
        const isMeant = user?.isActive === true && !(isVerification && user.emailVerified) && mayMail;
        const recipient = user ?? { id: uuidv7(), email: body.email, name: '', emailVerified: false };
        await asIf(isMeant, tx, async (inner) => {
          const token = await issueVerification(inner, options.kind, recipient);
          const makeMail = isVerification ? verificationMail : passwordResetMail;
          await enqueueEmail(inner, makeMail(recipient, token, services.settings.linkBaseUrl));
        });
        await recordAudit(tx, {
          eventType: options.eventType,
          userId: null,
          ipAddress,
          metadata: { email: body.email, isMailed: isMeant },
        });
      });
      return { accepted: true as const };
    },
  });
}

export const sendVerificationEmail = mailEndpoint({
  path: '/api/v1/auth/send-verification-email',
  operationId: 'sendVerificationEmail',
  summary: 'Ask for a mail with a link that proves the address',
  kind: 'verify_email',
  eventType: 'auth.verification.requested',
});

export const requestPasswordReset = mailEndpoint({
  path: '/api/v1/auth/request-password-reset',
  operationId: 'requestPasswordReset',
  summary: 'Ask for a mail with a link that sets a new password',
  kind: 'reset_password',
  eventType: 'auth.password_reset.requested',
});

export const verifyEmail = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/verify-email',
  operationId: 'verifyEmail',
  summary: 'Prove an address by the token that was mailed to it',
  tag: 'auth',
  access: 'public',
  limit: 'signIn',
  body: z.strictObject({ token: mailedToken }),
  status: 200,
  data: z.strictObject({ emailVerified: z.literal(true) }),
  errors: ['AUTHENTICATION_ERROR'],
  async handle({ body, ipAddress, withTx }) {
    await withTx(async (tx) => {
      const user = await redeemVerification(tx, 'verify_email', body.token);
      if (user === undefined) throw linkIsNotValid('auth.verification.refused');
      await tx.update(users).set({ emailVerified: true }).where(eq(users.id, user.id));
      await markStale(tx, keysOfUser(user.id, user.role));
      await recordAudit(tx, { eventType: 'auth.email_verified', userId: user.id, ipAddress });
    });
    return { emailVerified: true as const };
  },
});
