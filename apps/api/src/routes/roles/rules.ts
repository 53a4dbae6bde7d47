import type { Principal } from '@sv-sdk/auth';
import { isReservedRoleName, type Tx, userCounts, userRoles, users } from '@sv-sdk/db';
import { and, count, eq, isNull, sql } from 'drizzle-orm';
import { requireHeld } from '../../authorise.ts';
import { ApiError } from '../../errors.ts';
import { COUNT_CAP } from '../../pagination.ts';
import { holdRole } from './load.ts';
import type { RoleRow } from './view.ts';

/** The role with this name, for granting. Nobody gives what they don't hold: an admin could else make a super_admin. */
export async function requireGrantable(tx: Tx, principal: Principal, name: string): Promise<RoleRow> {
  const role = await holdRole(tx, name);
  if (role === undefined) throw new ApiError('ROLE_ERROR', 'role: there is no such role', { field: 'role' });
  requireHeld(principal, role.permissions, {
    message: 'You can only grant a role whose permissions you hold.',
    field: 'role',
  });
  return role;
}

/** System roles stay as they are, and a role that can do more than the caller is not theirs to touch. */
export function requireChangeable(principal: Principal, role: RoleRow): void {
  if (role.isSystem) {
    throw new ApiError(
      'ROLE_ERROR',
      `The role ${role.name} belongs to the platform; it cannot be changed or deleted.`,
    );
  }
  requireHeld(principal, role.permissions, {
    message: 'This role has permissions that you do not have.',
  });
}

/** What a caller puts into a role they must hold. */
export function requirePermissionsHeld(principal: Principal, permissions: readonly string[]): void {
  requireHeld(principal, permissions, {
    message: 'A role can have no permission that you do not hold.',
    field: 'permissions',
  });
}

export function requireFreeName(name: string): void {
  if (isReservedRoleName(name)) {
    throw new ApiError('ROLE_ERROR', `name: ${name} is reserved for the platform`, { field: 'name' });
  }
}

/** The users refer to their main role by its name. `role` is locked, so nobody gets it meanwhile. */
export async function requireNobodysMainRole(tx: Tx, role: RoleRow): Promise<void> {
  const [total] = await tx
    .select({ users: sql<number>`coalesce(sum(${userCounts.live}), 0)`.mapWith(Number) })
    .from(userCounts)
    .where(eq(userCounts.role, role.name));
  if (total !== undefined && total.users > 0) {
    throw new ApiError(
      'CONSTRAINT_VIOLATION',
      `name: the role is the main role of ${usersText(total.users)}`,
      {
        field: 'name',
      },
    );
  }
}

/** Deleted users don't count: theirs is only a record. `role` is locked, so nobody gets it meanwhile. */
export async function requireUnused(tx: Tx, role: RoleRow): Promise<void> {
  const holders = tx
    .select({ userId: userRoles.userId })
    .from(userRoles)
    .innerJoin(users, and(eq(users.id, userRoles.userId), isNull(users.deletedAt)))
    .where(eq(userRoles.roleId, role.id))
    .limit(COUNT_CAP + 1)
    .as('holders');
  const [total] = await tx.select({ users: count() }).from(holders);
  if (total !== undefined && total.users > 0) {
    throw new ApiError(
      'CONSTRAINT_VIOLATION',
      `The role is held by ${usersText(total.users)}; revoke it first.`,
    );
  }
}

function usersText(counted: number): string {
  if (counted > COUNT_CAP) return `more than ${COUNT_CAP} users`;
  return counted === 1 ? '1 user' : `${counted} users`;
}
