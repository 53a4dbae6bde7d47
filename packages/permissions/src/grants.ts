import { cacheKey } from '@sv-sdk/cache';
import { markStale, roles, SUPER_ADMIN_ROLE, type Tx, userRoles, users } from '@sv-sdk/db';
import { and, count, eq, inArray, isNull, ne, type SQL } from 'drizzle-orm';

/**
 * Grants a role by its name, on every instance. Answers whether that changed anything; throws on a role that
 * doesn't exist.
 */
export async function grantRole(
  tx: Tx,
  grant: { userId: string; role: string; grantedBy: string | null },
): Promise<boolean> {
  const [role] = await tx.select({ id: roles.id }).from(roles).where(eq(roles.name, grant.role));
  if (role === undefined) throw new Error(`the role ${grant.role} does not exist`);
  const granted = await tx
    .insert(userRoles)
    .values({ userId: grant.userId, roleId: role.id, grantedBy: grant.grantedBy })
    .onConflictDoNothing()
    .returning({ roleId: userRoles.roleId });
  if (granted.length > 0) await markStale(tx, [cacheKey.permissions(grant.userId)]);
  return granted.length > 0;
}

/** All of them are read at every request whose caller isn't cached. */
export const MAX_ROLES_PER_USER = 50;

/** Whether the user has more roles than may be: to be asked after a grant, while the user's row is locked. */
export async function hasTooManyRoles(tx: Tx, userId: string): Promise<boolean> {
  const [held] = await tx.select({ roles: count() }).from(userRoles).where(eq(userRoles.userId, userId));
  return held !== undefined && held.roles > MAX_ROLES_PER_USER;
}

/** Takes a role away by its name, on every instance. Answers whether the user had it. */
export async function revokeRole(tx: Tx, grant: { userId: string; role: string }): Promise<boolean> {
  const named = tx.select({ id: roles.id }).from(roles).where(eq(roles.name, grant.role));
  const revoked = await tx
    .delete(userRoles)
    .where(and(eq(userRoles.userId, grant.userId), inArray(userRoles.roleId, named)))
    .returning({ roleId: userRoles.roleId });
  if (revoked.length > 0) await markStale(tx, [cacheKey.permissions(grant.userId)]);
  return revoked.length > 0;
}

/**
 * Whether nobody but this user is an active super_admin. To be asked in the transaction that would take that from
 * them: until its end nobody else is told the answer, so that two super_admins can't remove each other at once.
 */
export async function isLastSuperAdmin(tx: Tx, userId: string): Promise<boolean> {
  const [role] = await tx.select({ id: roles.id }).from(roles).where(eq(roles.name, SUPER_ADMIN_ROLE));
  if (role === undefined || !(await isHeldByActive(tx, role.id, eq(users.id, userId)))) return false;
  // Conflicts with itself, and not with the foreign keys of new grants.
  await tx.select({ id: roles.id }).from(roles).where(eq(roles.name, SUPER_ADMIN_ROLE)).for('no key update');
  return !(await isHeldByActive(tx, role.id, ne(users.id, userId)));
}

/** By the role's id: of a name the planner can't tell that few have it, and reads everybody's grants. */
async function isHeldByActive(tx: Tx, roleId: string, who: SQL): Promise<boolean> {
  const found = await tx
    .select({ id: users.id })
    .from(userRoles)
    .innerJoin(users, eq(users.id, userRoles.userId))
    .where(and(eq(userRoles.roleId, roleId), eq(users.isActive, true), isNull(users.deletedAt), who))
    .limit(1);
  return found.length > 0;
}
