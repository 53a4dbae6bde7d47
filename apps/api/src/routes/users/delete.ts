import { recordAudit } from '@sv-sdk/audit';
import { apiKeys, sessions, users } from '@sv-sdk/db';
import { and, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { lockUser } from './load.ts';
import { requireNotAbove } from './roles.ts';

export const deleteUser = itemEndpoint({
  method: 'delete',
  path: '/api/v1/users/:id',
  operationId: 'deleteUser',
  summary: 'Delete a user',
  tag: 'users',
  access: 'principal',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND'],
  /** Soft: the row stays for what refers to it, and is invisible. Sessions and keys end for good. */
  async handle({ services, principal, params, ipAddress }) {
    await services.db.withTx(
      async (tx) => {
        const user = requireVisible(principal, 'user', await lockUser(tx, params.id), ({ id }) => id);
        requireAct(principal, 'delete', 'user', user.id);
        await requireNotAbove(tx, principal, user.id);

        const now = new Date();
        await tx.update(users).set({ deletedAt: now, isActive: false }).where(eq(users.id, user.id));
        await tx.delete(sessions).where(eq(sessions.userId, user.id));
        await tx
          .update(apiKeys)
          .set({ revokedAt: now })
          .where(and(eq(apiKeys.userId, user.id), isNull(apiKeys.revokedAt)));
        await recordAudit(tx, {
          eventType: 'user.deleted',
          userId: principal.userId,
          ipAddress,
          metadata: { targetUserId: user.id },
        });
      },
      { principalId: principal.userId },
    );
    return { id: params.id };
  },
});
