import type { userRoles } from '@sv-sdk/db';
import { z } from 'zod';
import { moment } from '../../../schemas.ts';
import { type RoleRow, roleView, viewRole } from '../../roles/view.ts';

export const grantView = z
  .strictObject({
    role: roleView,
    isMain: z.boolean().meta({ description: "The user's `role`; changed by PATCH /api/v1/users/:id only." }),
    grantedBy: z.string().nullable().meta({ description: 'A user id; null: the platform itself.' }),
    grantedAt: moment,
  })
  .meta({ id: 'Grant' });

export function viewGrant(
  grant: typeof userRoles.$inferSelect,
  role: RoleRow,
  user: { role: string },
): z.output<typeof grantView> {
  return {
    role: viewRole(role),
    isMain: role.name === user.role,
    grantedBy: grant.grantedBy,
    grantedAt: grant.grantedAt.toISOString(),
  };
}
