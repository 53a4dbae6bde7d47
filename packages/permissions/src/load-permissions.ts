import type { Db, Tx } from '@sv-sdk/db';
import { roles, userRoles } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';

/** What a user's roles give together, each permission once; nothing for a user without roles. One query. */
export async function loadPermissions(db: Db | Tx, userId: string): Promise<string[]> {
  const granted = await db
    .select({ permissions: roles.permissions })
    .from(userRoles)
    .innerJoin(roles, eq(roles.id, userRoles.roleId))
    .where(eq(userRoles.userId, userId));
  return [...new Set(granted.flatMap((role) => role.permissions))];
}
