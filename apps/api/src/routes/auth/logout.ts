import { endSessions } from '@sv-sdk/auth';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';

export const logout = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/logout',
  operationId: 'logout',
  summary: 'End the session',
  tag: 'auth',
  access: 'session',
  status: 200,
  data: z.strictObject({ signedOut: z.literal(true) }),
  /** Not by better-auth's sign-out: that answers success also when the session could not be deleted. */
  async handle({ services, principal, withTx, setCookie }) {
    await withTx(async (tx, audit) => {
      await endSessions(tx, principal.userId, { id: principal.credentialId });
      await audit('auth.logout', { sessionId: principal.credentialId });
    });
    setCookie(services.auth.clearedCookie);
    return { signedOut: true as const };
  },
});
