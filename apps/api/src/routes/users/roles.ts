import type { Principal } from '@sv-sdk/auth';
import { roles, type Tx } from '@sv-sdk/db';
import { allowsEvery, loadPermissions } from '@sv-sdk/permissions';
import { eq } from 'drizzle-orm';
import { ApiError } from '../../errors.ts';

/** Nobody gives what they don't hold: else an admin could make a super_admin, and sign in as it. */
export async function requireGrantable(tx: Tx, principal: Principal, roleName: string): Promise<void> {
  const [role] = await tx
    .select({ permissions: roles.permissions })
    .from(roles)
    .where(eq(roles.name, roleName));
  if (role === undefined) throw new ApiError('ROLE_ERROR', 'role: there is no such role', { field: 'role' });
  if (!allowsEvery(principal.permissions, role.permissions)) {
    throw new ApiError('PERMISSION_DENIED', 'You can only grant a role whose permissions you hold.', {
      field: 'role',
    });
  }
}

/** Nobody changes a user who may do more than they themselves: that would be a way up as well. */
export async function requireNotAbove(tx: Tx, principal: Principal, userId: string): Promise<void> {
  if (userId === principal.userId) return;
  if (!allowsEvery(principal.permissions, await loadPermissions(tx, userId))) {
    throw new ApiError('PERMISSION_DENIED', 'This user has permissions that you do not have.');
  }
}
