import { cacheKey } from '@sv-sdk/cache';
import { markStale, roles } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams, permissionList, roleName } from '../../schemas.ts';
import { roleDescription } from './create.ts';
import { lockRole } from './load.ts';
import {
  requireChangeable,
  requireFreeName,
  requireNobodysMainRole,
  requirePermissionsHeld,
} from './rules.ts';
import { type RoleRow, roleView, viewRole } from './view.ts';

export const updateRole = itemEndpoint({
  method: 'patch',
  path: '/api/v1/roles/:id',
  operationId: 'updateRole',
  summary: 'Change a role, for everybody who has it',
  tag: 'roles',
  access: 'principal',
  params: idParams,
  body: z
    .strictObject({
      name: roleName.optional().meta({ description: "Only while it is nobody's main role." }),
      description: roleDescription.optional(),
      permissions: permissionList.optional().meta({ description: 'Takes the place of all before.' }),
    })
    .refine((body) => Object.keys(body).length > 0, { error: 'must change something' }),
  status: 200,
  data: roleView,
  errors: ['NOT_FOUND', 'ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, params, body, withTx }) {
    requireReadable(principal, 'role', null);
    const role = await withTx(async (tx, audit) => {
      const before = requireVisible(principal, 'role', await lockRole(tx, params.id), () => null);
      requireAct(principal, 'update', 'role', null);
      requireChangeable(principal, before);
      if (body.permissions !== undefined) requirePermissionsHeld(principal, body.permissions);
      if (body.name !== undefined && body.name !== before.name) {
        requireFreeName(body.name);
        await requireNobodysMainRole(tx, before);
      }

      const [after] = await tx
        .update(roles)
        .set({
          ...(body.name !== undefined && { name: body.name }),
          ...(body.description !== undefined && { description: body.description }),
          ...(body.permissions !== undefined && { permissions: body.permissions }),
        })
        .where(eq(roles.id, before.id))
        .returning();
      if (after === undefined) throw new Error('a locked role was not updated');
      await audit('role.updated', { roleId: after.id, ...differences(before, after) });
      await markStale(tx, [cacheKey.role(after.id)]);
      return after;
    });
    return viewRole(role);
  },
});

/** Two lists of 200 permissions would hide the one that matters. */
function differences(before: RoleRow, after: RoleRow) {
  return {
    name: after.name,
    ...(before.name !== after.name && { nameBefore: before.name }),
    ...(before.description !== after.description && { description: after.description }),
    added: after.permissions.filter((permission) => !before.permissions.includes(permission)),
    removed: before.permissions.filter((permission) => !after.permissions.includes(permission)),
  };
}
