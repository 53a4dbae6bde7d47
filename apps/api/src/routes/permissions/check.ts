import type { Principal } from '@sv-sdk/auth';
import type { Database } from '@sv-sdk/db';
import { allows, loadPermissions } from '@sv-sdk/permissions';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { notFound } from '../../errors.ts';
import { permissionText } from '../../schemas.ts';
import { loadUser } from '../users/load.ts';

const userId = z.string().min(1).max(64).optional().meta({ description: 'Absent: the caller.' });

export const checkPermissions = itemEndpoint({
  method: 'post',
  path: '/api/v1/permissions/check',
  operationId: 'checkPermissions',
  summary: 'What the caller, or a user, may do',
  tag: 'permissions',
  access: 'principal',
  body: z.union([
    z.strictObject({ permission: permissionText, userId }),
    z.strictObject({ permissions: z.array(permissionText).min(1).max(100), userId }),
  ]),
  status: 200,
  data: z.strictObject({
    allowed: z.boolean().meta({ description: 'Whether all of them are.' }),
    results: z.array(z.strictObject({ permission: z.string(), allowed: z.boolean() })),
  }),
  errors: ['NOT_FOUND'],
  async handle({ services, principal, body }) {
    const held = await permissionsOf(services.db, principal, body.userId ?? principal.userId);
    const asked = 'permission' in body ? [body.permission] : body.permissions;
    const results = asked.map((permission) => ({ permission, allowed: allows(held, permission) }));
    return { allowed: results.every(({ allowed }) => allowed), results };
  },
});

/** Another's permissions are theirs: without the right to see them the user looks as if it weren't there. */
async function permissionsOf(db: Database, principal: Principal, userId: string): Promise<readonly string[]> {
  if (userId === principal.userId) return principal.permissions;
  const user = await loadUser(db.write(), userId);
  if (user === undefined || !allows(principal.permissions, 'read:any:permission')) throw notFound();
  // Whoever can't sign in may do nothing.
  return user.isActive ? loadPermissions(db.write(), userId) : [];
}
