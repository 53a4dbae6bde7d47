import { roles, type Tx, userRoles } from '@sv-sdk/db';
import { and, eq, inArray } from 'drizzle-orm';

/** Grants a role by its name; granting it again changes nothing. Throws on a role that doesn't exist. */
export async function grantRole(
  tx: Tx,
  grant: { userId: string; role: string; grantedBy: string | null },
): Promise<void> {
  const [role] = await tx.select({ id: roles.id }).from(roles).where(eq(roles.name, grant.role));
  if (role === undefined) throw new Error(`the role ${grant.role} does not exist`);
  await tx
    .insert(userRoles)
    .values({ userId: grant.userId, roleId: role.id, grantedBy: grant.grantedBy })
    .onConflictDoNothing();
}

/** Takes a role away by its name; nothing happens where it wasn't granted. */
export async function revokeRole(tx: Tx, grant: { userId: string; role: string }): Promise<void> {
  const named = tx.select({ id: roles.id }).from(roles).where(eq(roles.name, grant.role));
  await tx.delete(userRoles).where(and(eq(userRoles.userId, grant.userId), inArray(userRoles.roleId, named)));
}
