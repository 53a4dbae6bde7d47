import { recordAudit } from '@sv-sdk/audit';
import {
  endSessions,
  findPasswordHash,
  forgetLoginAttempts,
  hashPassword,
  MAX_PASSWORD_LENGTH,
  redeemVerification,
  replacePassword,
  revokeApiKeys,
  revokeVerification,
  setPassword,
  verifyPassword,
} from '@sv-sdk/auth';
import { keysOfUser } from '@sv-sdk/cache';
import { markStale, users } from '@sv-sdk/db';
import { enqueueEmail } from '@sv-sdk/email';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { newPassword } from '../../schemas.ts';
import { accountLocked } from './locked.ts';
import { passwordChangedMail } from './mail.ts';
import { linkIsNotValid, mailedToken } from './verification.ts';

export const resetPassword = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/reset-password',
  operationId: 'resetPassword',
  summary: 'Set a new password by the token that was mailed; ends all sessions and a lock',
  tag: 'auth',
  access: 'public',
  limit: 'signIn',
  body: z.strictObject({ token: mailedToken, password: newPassword }),
  status: 200,
  data: z.strictObject({ passwordReset: z.literal(true) }),
  errors: ['AUTHENTICATION_ERROR'],
  async handle({ body, ipAddress, withTx }) {
    const passwordHash = await hashPassword(body.password);
    await withTx(async (tx) => {
      const user = await redeemVerification(tx, 'reset_password', body.token);
      if (user === undefined) throw linkIsNotValid('auth.password_reset.refused');
      await setPassword(tx, user.id, passwordHash);
      const endedSessions = await endSessions(tx, user.id);
      await forgetLoginAttempts(tx, user.email);
      let revokedKeys = 0;
      if (!user.emailVerified) {
        // The link came to the address, so that is proven now; whoever used the account before had not done so.
        await tx.update(users).set({ emailVerified: true }).where(eq(users.id, user.id));
        revokedKeys = await revokeApiKeys(tx, user.id);
      }
      await markStale(tx, keysOfUser(user.id, user.role));
      await enqueueEmail(tx, passwordChangedMail({ ...user, emailVerified: true }));
      await recordAudit(tx, {
        eventType: 'auth.password_reset',
        userId: user.id,
        ipAddress,
        metadata: { endedSessions, revokedKeys },
      });
    });
    return { passwordReset: true as const };
  },
});

export const changePassword = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/change-password',
  operationId: 'changePassword',
  summary: 'Set a new password, knowing the present one; ends all other sessions',
  tag: 'auth',
  access: 'session',
  limit: 'signIn',
  body: z.strictObject({
    currentPassword: z.string().min(1).max(MAX_PASSWORD_LENGTH),
    newPassword,
  }),
  status: 200,
  data: z.strictObject({ endedSessions: z.int() }),
  errors: ['AUTHENTICATION_ERROR', 'ACCOUNT_LOCKED'],
  async handle({ services, principal, body, withTx }) {
    const [user] = await services.db.write().select().from(users).where(eq(users.id, principal.userId));
    if (user === undefined) throw new ApiError('SESSION_ERROR', 'The session has ended. Sign in again.');
    // Who has stolen a session must not guess the password by it: counted like an attempt to sign in.
    const attempt = await services.auth.countAttempt(user.email);
    if (!attempt.allowed) throw accountLocked(attempt, 'auth.password_change.refused', {});
    const current = await findPasswordHash(services.db.write(), user.id);
    if (current === undefined || !(await verifyPassword(current, body.currentPassword))) throw isWrong();
    const passwordHash = await hashPassword(body.newPassword);

    const endedSessions = await withTx(async (tx, audit) => {
      if (!(await replacePassword(tx, user.id, { from: current, to: passwordHash }))) throw isWrong();
      await forgetLoginAttempts(tx, user.email);
      await revokeVerification(tx, 'reset_password', user);
      const ended = await endSessions(tx, user.id, { exceptId: principal.credentialId });
      await enqueueEmail(tx, passwordChangedMail(user));
      await audit('auth.password_changed', { endedSessions: ended });
      return ended;
    });
    return { endedSessions };
  },
});

const isWrong = () =>
  new ApiError('AUTHENTICATION_ERROR', 'The present password is wrong.', {
    field: 'currentPassword',
    refusal: { eventType: 'auth.password_change.refused' },
  });
