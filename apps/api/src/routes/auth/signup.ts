import { recordAudit } from '@sv-sdk/audit';
import { asIf, hashPassword, signUp as makeUser, takeMailAllowance } from '@sv-sdk/auth';
import { enqueueEmail } from '@sv-sdk/email';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { emailAddress, nameText, newPassword } from '../../schemas.ts';
import { userView, viewUser } from '../users/view.ts';
import { addressTakenMail, verificationMail } from './mail.ts';

export const signUp = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/signup',
  operationId: 'signUp',
  summary: 'Make an account; a mail asks to prove the address',
  tag: 'auth',
  access: 'public',
  limit: 'signIn',
  body: z.strictObject({ email: emailAddress, name: nameText, password: newPassword }),
  status: 201,
  data: z.strictObject({ user: userView }),
  /**
   * The answer is the same, after the same work, whether the address was free or taken: else it would tell who
   * has an account. Where it is taken, its owner is told by mail.
   */
  async handle({ services, body, ipAddress, withTx }) {
    const passwordHash = await hashPassword(body.password);
    const made = await withTx(async (tx) => {
      const { user, verificationToken, owner } = await makeUser(tx, { ...body, passwordHash });
      const mayMail = await takeMailAllowance(tx, body.email);
      const mail =
        owner === undefined
          ? verificationMail(user, verificationToken, services.settings.linkBaseUrl)
          : addressTakenMail(owner);
      // The first mail to a new user always goes: whoever else asked for one must not hold it back.
      await asIf(owner === undefined || mayMail, tx, (inner) => enqueueEmail(inner, mail));
      await recordAudit(tx, {
        eventType: owner === undefined ? 'auth.signup' : 'auth.signup.refused',
        userId: owner === undefined ? user.id : null,
        ipAddress,
        metadata: { email: body.email, ...(owner !== undefined && { reason: 'address_taken' }) },
      });
      return user;
    });
    return { user: viewUser(made) };
  },
});
