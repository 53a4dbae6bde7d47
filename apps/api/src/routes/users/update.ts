import { endSessions, type Principal, type UserRow } from '@sv-sdk/auth';
import { cacheKey, keysOfUser } from '@sv-sdk/cache';
import { apiKeys, markStale, SUPER_ADMIN_ROLE, type Tx, users } from '@sv-sdk/db';
import { grantRole, revokeRole } from '@sv-sdk/permissions';
import { and, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requirePermission, requireReadable } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { emailAddress, idParams, nameText, roleName } from '../../schemas.ts';
import { requireGrantable } from '../roles/rules.ts';
import { lockVisibleUser, requireNotAbove, requireNotLastSuperAdmin } from './rules.ts';
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
    role: roleName
      .optional()
      .meta({ description: 'Needs update:any:user. The main role before is taken away; others stay.' }),
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
  async handle({ principal, params, body, withTx }) {
    requireReadable(principal, 'user', params.id);
    const updated = await withTx(async (tx, audit) => {
      const user = await lockVisibleUser(tx, principal, params.id);
      await authorise(tx, principal, user, body);
      const row = await act(tx, principal, user, body);
      await audit('user.updated', { targetUserId: user.id, changes: body });
      return row;
    });
    return viewUser(updated);
  },
});

async function authorise(tx: Tx, principal: Principal, user: UserRow, body: Changes): Promise<void> {
  requireAct(principal, 'update', 'user', user.id);
  // One's own address, role and activity are not one's own to change.
  const isPrivileged = body.email !== undefined || body.role !== undefined || body.isActive !== undefined;
  if (isPrivileged) requirePermission(principal, 'update:any:user');
  if (isPrivileged || user.id !== principal.userId) await requireNotAbove(tx, principal, user.id);
  if (body.role !== undefined) await requireGrantable(tx, principal, body.role);
}

async function act(tx: Tx, principal: Principal, user: UserRow, body: Changes): Promise<UserRow> {
  const isNewRole = body.role !== undefined && body.role !== user.role;
  if (body.isActive === false || (isNewRole && user.role === SUPER_ADMIN_ROLE)) {
    await requireNotLastSuperAdmin(tx, user.id);
  }
  if (body.role !== undefined && isNewRole) {
    await revokeRole(tx, { userId: user.id, role: user.role });
    await grantRole(tx, { userId: user.id, role: body.role, grantedBy: principal.userId });
  }
  // Sessions of before must not come back to life with the user. Keys do: machines don't sign in again.
  if (body.isActive === false) await endSessions(tx, user.id);
  const isNewAddress = body.email !== undefined && body.email !== user.email;
  const [row] = await tx
    .update(users)
    .set({ ...withoutUndefined(body), ...(isNewAddress && { emailVerified: false }) })
    .where(eq(users.id, user.id))
    .returning();
  if (row === undefined) throw new Error('a locked user was not updated');
  await markStale(tx, [...keysOfUser(user.id, user.role, row.role), ...(await staleKeys(tx, user, body))]);
  return row;
}

/** Who is let in by what the cache knows of them. */
async function staleKeys(tx: Tx, user: UserRow, body: Changes): Promise<string[]> {
  if (body.isActive === undefined) return [];
  const keys = await tx
    .select({ keyHash: apiKeys.hash })
    .from(apiKeys)
    .where(and(eq(apiKeys.userId, user.id), isNull(apiKeys.revokedAt)));
  return [cacheKey.permissions(user.id), ...keys.map(({ keyHash }) => cacheKey.apiKey(keyHash))];
}

function withoutUndefined(body: Changes) {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}
