import { roles } from '@sv-sdk/db';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { permissionList, printableText, roleName } from '../../schemas.ts';
import { requireFreeName, requirePermissionsHeld } from './rules.ts';
import { roleView, viewRole } from './view.ts';

export const roleDescription = printableText.max(500).nullable();

export const createRole = itemEndpoint({
  method: 'post',
  path: '/api/v1/roles',
  operationId: 'createRole',
  summary: 'Make a role',
  tag: 'roles',
  access: 'principal',
  body: z.strictObject({
    name: roleName,
    description: roleDescription.default(null),
    permissions: permissionList.meta({ description: 'Only what the caller holds. May be empty.' }),
  }),
  status: 201,
  data: roleView,
  errors: ['ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, body, withTx }) {
    requirePermission(principal, 'create:any:role');
    requireFreeName(body.name);
    requirePermissionsHeld(principal, body.permissions);
    const role = await withTx(async (tx, audit) => {
      const [inserted] = await tx.insert(roles).values(body).returning();
      if (inserted === undefined) throw new Error('the insert of a role returned no row');
      await audit('role.created', {
        roleId: inserted.id,
        name: inserted.name,
        permissions: inserted.permissions,
      });
      return inserted;
    });
    return viewRole(role);
  },
});
