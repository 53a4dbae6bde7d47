import { recordAudit } from '@sv-sdk/audit';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { emailAddress, nameText, newPassword } from '../../schemas.ts';
import { userView, viewUser } from '../users/view.ts';

export const signUp = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/signup',
  operationId: 'signUp',
  summary: 'Make an account',
  tag: 'auth',
  access: 'public',
  body: z.strictObject({ email: emailAddress, name: nameText, password: newPassword }),
  status: 201,
  data: z.strictObject({ user: userView }),
  /** The answer is the same whether the address was free or taken: else it would tell who has an account. */
  async handle({ services, body, ipAddress }) {
    const user = await services.auth.signUp(body, (tx, created) =>
      recordAudit(tx, {
        eventType: created === undefined ? 'auth.signup.refused' : 'auth.signup',
        userId: created?.id ?? null,
        ipAddress,
        metadata: { email: body.email, ...(created === undefined && { reason: 'address_taken' }) },
      }),
    );
    return { user: viewUser(user ?? userWhoIsNot(body)) };
  },
});

/** What a new user looks like. */
function userWhoIsNot({ email, name }: { email: string; name: string }) {
  const now = new Date();
  return {
    id: uuidv7(),
    email,
    name,
    emailVerified: false,
    image: null,
    role: 'user',
    isActive: true,
    lastLoginAt: null,
    createdAt: now,
    updatedAt: now,
  };
}
