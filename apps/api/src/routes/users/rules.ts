import type { Principal, UserRow } from '@sv-sdk/auth';
import type { Tx } from '@sv-sdk/db';
import { isLastSuperAdmin, loadPermissions } from '@sv-sdk/permissions';
import { requireHeld, requireReadable, requireVisible } from '../../authorise.ts';
import { ApiError } from '../../errors.ts';
import { lockUser } from './load.ts';

/** A user whom the caller may see, locked until the transaction ends. Nothing is locked for a caller who may not. */
export async function lockVisibleUser(tx: Tx, principal: Principal, id: string): Promise<UserRow> {
  requireReadable(principal, 'user', id);
  return requireVisible(principal, 'user', await lockUser(tx, id), (user) => user.id);
}

/**
 * Nobody changes a user who may do more than they themselves: a new address, and a mail that resets the password,
 * would be a way up. Also where the user is the caller's own: an API key is below its user by its scopes.
 */
export async function requireNotAbove(tx: Tx, principal: Principal, userId: string): Promise<void> {
  requireHeld(principal, await loadPermissions(tx, userId), {
    message: 'This user has permissions that you do not have.',
  });
}

/** To be asked in the transaction that would take an active super_admin away. */
export async function requireNotLastSuperAdmin(tx: Tx, userId: string): Promise<void> {
  if (await isLastSuperAdmin(tx, userId)) {
    throw new ApiError(
      'CONSTRAINT_VIOLATION',
      'This is the last active super_admin; make another one first.',
    );
  }
}
