import { type Tx, userRoles } from '@sv-sdk/db';
import { grantRole, hasTooManyRoles, MAX_ROLES_PER_USER } from '@sv-sdk/permissions';
import { and, eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireReadable } from '../../../authorise.ts';
import { itemEndpoint } from '../../../endpoint/endpoint.ts';
import { ApiError } from '../../../errors.ts';
import { idParams, roleName } from '../../../schemas.ts';
import { requireGrantable } from '../../roles/rules.ts';
import { lockVisibleUser, requireNotAbove } from '../rules.ts';
import { grantView, viewGrant } from './view.ts';

export const grantUserRole = itemEndpoint({
  method: 'post',
  path: '/api/v1/users/:id/roles',
  operationId: 'grantUserRole',
  summary: 'Grant a user a role beside the main one; again changes nothing',
  tag: 'roles',
  access: 'principal',
  params: idParams,
  body: z.strictObject({ role: roleName.meta({ description: 'Its name.' }) }),
  status: 201,
  data: grantView,
  errors: ['NOT_FOUND', 'ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, params, body, withTx }) {
    requireReadable(principal, 'user', params.id);
    return withTx(async (tx, audit) => {
      const user = await lockVisibleUser(tx, principal, params.id);
      requireAct(principal, 'create', 'permission', user.id);
      await requireNotAbove(tx, principal, user.id);
      const role = await requireGrantable(tx, principal, body.role);

      const isNew = await grantRole(tx, { userId: user.id, role: role.name, grantedBy: principal.userId });
      if (isNew) {
        await requireRoomForRoles(tx, user.id);
        await audit('role.granted', { targetUserId: user.id, roleId: role.id, role: role.name });
      }
      const [grant] = await tx
        .select()
        .from(userRoles)
        .where(and(eq(userRoles.userId, user.id), eq(userRoles.roleId, role.id)));
      if (grant === undefined) throw new Error('a granted role is not there');
      return viewGrant(grant, role, user);
    });
  },
});

async function requireRoomForRoles(tx: Tx, userId: string): Promise<void> {
  if (await hasTooManyRoles(tx, userId)) {
    throw new ApiError('CONSTRAINT_VIOLATION', `A user can have at most ${MAX_ROLES_PER_USER} roles.`);
  }
}
