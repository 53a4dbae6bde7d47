import type { roles } from '@sv-sdk/db';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

export type RoleRow = typeof roles.$inferSelect;

export const roleView = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    permissions: z.array(z.string()),
    isSystem: z
      .boolean()
      .meta({ description: 'Comes with the platform: can be granted, not changed or deleted.' }),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({ id: 'Role' });

export function viewRole(role: RoleRow): z.output<typeof roleView> {
  return {
    id: role.id,
    name: role.name,
    description: role.description,
    permissions: role.permissions,
    isSystem: role.isSystem,
    createdAt: role.createdAt.toISOString(),
    updatedAt: role.updatedAt.toISOString(),
  };
}
