import { recordAudit } from '@sv-sdk/audit';
import { sessions } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
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
  async handle({ services, principal, ipAddress, setCookie }) {
    await services.db.withTx(
      async (tx) => {
        await tx.delete(sessions).where(eq(sessions.id, principal.credentialId));
        await recordAudit(tx, {
          eventType: 'auth.logout',
          userId: principal.userId,
          ipAddress,
          metadata: { sessionId: principal.credentialId },
        });
      },
      { principalId: principal.userId },
    );
    setCookie(services.auth.clearedCookie);
    return { signedOut: true as const };
  },
});
