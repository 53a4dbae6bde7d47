import { recordAudit } from '@sv-sdk/audit';
import type { Principal, UserRow } from '@sv-sdk/auth';
import { sessions, type Tx, users } from '@sv-sdk/db';
import { grantRole, revokeRole } from '@sv-sdk/permissions';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requirePermission, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { emailAddress, idParams, nameText } from '../../schemas.ts';
import { lockUser } from './load.ts';
import { requireGrantable, requireNotAbove } from './roles.ts';
import { userView, viewUser } from './view.ts';

const changes = z
  .strictObject({
    name: nameText.optional(),
    image: z
      .url({ protocol: /^https$/ })
      .max(2000)
      .nullable()
      .optional(),
    email: emailAddress.optional().meta({ description: 'Needs update:any:user.' }),
    role: z.string().min(1).max(100).optional().meta({ description: 'Needs update:any:user.' }),
    isActive: z.boolean().optional().meta({ description: 'Needs update:any:user; false ends all sessions.' }),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must change something' });
type Changes = z.output<typeof changes>;

export const updateUser = itemEndpoint({
  method: 'patch',
  path: '/api/v1/users/:id',
  operationId: 'updateUser',
  summary: 'Change a user',
  tag: 'users',
  access: 'principal',
  params: idParams,
  body: changes,
  status: 200,
  data: userView,
  errors: ['NOT_FOUND', 'ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ services, principal, params, body, ipAddress }) {
    const updated = await services.db.withTx(
      async (tx) => {
        const user = requireVisible(principal, 'user', await lockUser(tx, params.id), ({ id }) => id);
        await authorise(tx, principal, user, body);
        const row = await act(tx, principal, user, body);
        await recordAudit(tx, {
          eventType: 'user.updated',
          userId: principal.userId,
          ipAddress,
          metadata: { targetUserId: user.id, changes: body },
        });
        return row;
      },
      { principalId: principal.userId },
    );
    return viewUser(updated);
  },
});

async function authorise(tx: Tx, principal: Principal, user: UserRow, body: Changes): Promise<void> {
  requireAct(principal, 'update', 'user', user.id);
  // One's own address, role and activity are not one's own to change.
  const isPrivileged = body.email !== undefined || body.role !== undefined || body.isActive !== undefined;
  if (isPrivileged) requirePermission(principal, 'update:any:user');
  await requireNotAbove(tx, principal, user.id);
  if (body.role !== undefined) await requireGrantable(tx, principal, body.role);
}

async function act(tx: Tx, principal: Principal, user: UserRow, body: Changes): Promise<UserRow> {
  if (body.role !== undefined && body.role !== user.role) {
    await revokeRole(tx, { userId: user.id, role: user.role });
    await grantRole(tx, { userId: user.id, role: body.role, grantedBy: principal.userId });
  }
  // Sessions of before must not come back to life with the user.
  if (body.isActive === false) await tx.delete(sessions).where(eq(sessions.userId, user.id));
  const isNewAddress = body.email !== undefined && body.email !== user.email;
  const [row] = await tx
    .update(users)
    .set({ ...withoutUndefined(body), ...(isNewAddress && { emailVerified: false }) })
    .where(eq(users.id, user.id))
    .returning();
  if (row === undefined) throw new Error('a locked user was not updated');
  return row;
}

function withoutUndefined(body: Changes) {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}
