import type { Principal } from '@sv-sdk/auth';
import { allows, allowsEvery } from '@sv-sdk/permissions';
import { ApiError, notFound } from './errors.ts';

/** Refuses a caller without the permission; for what isn't a single resource (lists, creation). */
export function requirePermission(principal: Principal, permission: string): void {
  if (!allows(principal.permissions, permission)) {
    throw new ApiError('PERMISSION_DENIED', `This needs the permission ${permission}.`, {
      refusal: { metadata: { required: permission } },
    });
  }
}

/**
 * Refuses a caller who does not hold all of these permissions themselves: nobody gives, changes or takes more than
 * they have. What counts is what this credential may do, not what its user could do with another.
 */
export function requireHeld(
  principal: Principal,
  permissions: readonly string[],
  refused: { message: string; field?: string },
): void {
  if (allowsEvery(principal.permissions, permissions)) return;
  const missing = permissions.filter((permission) => !allows(principal.permissions, permission));
  throw new ApiError('PERMISSION_DENIED', refused.message, {
    ...(refused.field !== undefined && { field: refused.field }),
    refusal: { metadata: { missing } },
  });
}

/** What it takes to do this to a resource that belongs to `ownerId`. */
function permissionFor(
  principal: Principal,
  action: string,
  resource: string,
  ownerId: string | null,
): string {
  return `${action}:${ownerId === principal.userId ? 'own' : 'any'}:${resource}`;
}

/** Whether the caller may do this to a resource that belongs to `ownerId`. */
export function mayAct(
  principal: Principal,
  action: string,
  resource: string,
  ownerId: string | null,
): boolean {
  return allows(principal.permissions, permissionFor(principal, action, resource, ownerId));
}

/**
 * For resources whose owner is known before they are loaded: who may not read it is told that it isn't there, and
 * no row is looked at, or locked, for them.
 */
export function requireReadable(principal: Principal, resource: string, ownerId: string | null): void {
  if (!mayAct(principal, 'read', resource, ownerId)) throw notFound();
}

/** The loaded resource, if it is there and the caller may read it: else both look the same. */
export function requireVisible<T>(
  principal: Principal,
  resource: string,
  loaded: T | undefined,
  ownerOf: (loaded: T) => string | null,
): T {
  if (loaded === undefined || !mayAct(principal, 'read', resource, ownerOf(loaded))) throw notFound();
  return loaded;
}

/** For a resource that the caller can see: no secret is left to keep, so the refusal says what is missing. */
export function requireAct(
  principal: Principal,
  action: string,
  resource: string,
  ownerId: string | null,
): void {
  requirePermission(principal, permissionFor(principal, action, resource, ownerId));
}
