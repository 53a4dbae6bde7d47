import type { Principal } from '@sv-sdk/auth';
import { allows } from '@sv-sdk/permissions';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { notFound } from '../../errors.ts';
import { idText, permissionText } from '../../schemas.ts';
import type { Services } from '../../services.ts';

const userId = idText.optional().meta({ description: 'Absent: the caller.' });

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
    const held = await permissionsOf(services, principal, body.userId ?? principal.userId);
    const asked = 'permission' in body ? [body.permission] : body.permissions;
    const results = asked.map((permission) => ({ permission, allowed: allows(held, permission) }));
    return { allowed: results.every(({ allowed }) => allowed), results };
  },
});

/** Another's permissions are theirs: without the right to see them the user looks as if it weren't there. */
async function permissionsOf(
  { users, permissions }: Pick<Services, 'users' | 'permissions'>,
  principal: Principal,
  userId: string,
): Promise<readonly string[]> {
  if (userId === principal.userId) return principal.permissions;
  if (!allows(principal.permissions, 'read:any:permission')) throw notFound();
  const user = await users.get(userId);
  if (user === undefined) throw notFound();
  // Whoever can't sign in may do nothing. What the caller itself has just granted or revoked counts.
  return user.isActive ? permissions.currentPermissionsOf(userId) : [];
}
