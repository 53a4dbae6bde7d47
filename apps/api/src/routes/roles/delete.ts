import { cacheKey } from '@sv-sdk/cache';
import { markStale, roles, userRoles } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { lockRole } from './load.ts';
import { requireChangeable, requireUnused } from './rules.ts';

export const deleteRole = itemEndpoint({
  method: 'delete',
  path: '/api/v1/roles/:id',
  operationId: 'deleteRole',
  summary: 'Delete a role that nobody has',
  tag: 'roles',
  access: 'principal',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND', 'ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, params, withTx }) {
    requireReadable(principal, 'role', null);
    await withTx(async (tx, audit) => {
      const role = requireVisible(principal, 'role', await lockRole(tx, params.id), () => null);
      requireAct(principal, 'delete', 'role', null);
      requireChangeable(principal, role);
      await requireUnused(tx, role);
      // What is left are grants of deleted users.
      await tx.delete(userRoles).where(eq(userRoles.roleId, role.id));
      await tx.delete(roles).where(eq(roles.id, role.id));
      await audit('role.deleted', { roleId: role.id, name: role.name, permissions: role.permissions });
      await markStale(tx, [cacheKey.role(role.id)]);
    });
    return { id: params.id };
  },
});
