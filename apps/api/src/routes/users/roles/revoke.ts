import { SUPER_ADMIN_ROLE } from '@sv-sdk/db';
import { revokeRole } from '@sv-sdk/permissions';
import { z } from 'zod';
import { requireAct, requireReadable } from '../../../authorise.ts';
import { itemEndpoint } from '../../../endpoint/endpoint.ts';
import { ApiError, notFound } from '../../../errors.ts';
import { idText } from '../../../schemas.ts';
import { loadRole } from '../../roles/load.ts';
import { lockVisibleUser, requireNotAbove, requireNotLastSuperAdmin } from '../rules.ts';

export const revokeUserRole = itemEndpoint({
  method: 'delete',
  path: '/api/v1/users/:id/roles/:roleId',
  operationId: 'revokeUserRole',
  summary: 'Take a role from a user that is not the main one',
  tag: 'roles',
  access: 'principal',
  params: z.strictObject({ id: idText, roleId: idText }),
  status: 200,
  data: z.strictObject({ userId: z.string(), roleId: z.string() }),
  errors: ['NOT_FOUND', 'ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, params, withTx }) {
    requireReadable(principal, 'user', params.id);
    await withTx(async (tx, audit) => {
      const user = await lockVisibleUser(tx, principal, params.id);
      requireAct(principal, 'delete', 'permission', user.id);
      // What the role gives is a part of what the user has.
      await requireNotAbove(tx, principal, user.id);
      const role = await loadRole(tx, params.roleId);
      if (role === undefined) throw notFound();
      if (role.name === user.role) {
        throw new ApiError(
          'ROLE_ERROR',
          `${role.name} is the user's main role; give another one by PATCH /api/v1/users/:id.`,
        );
      }
      if (role.name === SUPER_ADMIN_ROLE) await requireNotLastSuperAdmin(tx, user.id);
      if (!(await revokeRole(tx, { userId: user.id, role: role.name }))) throw notFound();
      await audit('role.revoked', { targetUserId: user.id, roleId: role.id, role: role.name });
    });
    return { userId: params.id, roleId: params.roleId };
  },
});
