import type { Principal } from '@sv-sdk/auth';
import { allows } from '@sv-sdk/permissions';
import { ApiError, notFound } from './errors.ts';

/** Refuses a caller without the permission; for what isn't a single resource (lists, creation). */
export function requirePermission(principal: Principal, permission: string): void {
  if (!allows(principal.permissions, permission)) {
    throw new ApiError('PERMISSION_DENIED', `This needs the permission ${permission}.`);
  }
}

/** Whether the caller may do this to a resource that belongs to `ownerId`. */
export function mayAct(
  principal: Principal,
  action: string,
  resource: string,
  ownerId: string | null,
): boolean {
  const scope = ownerId === principal.userId ? 'own' : 'any';
  return allows(principal.permissions, `${action}:${scope}:${resource}`);
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
  if (!mayAct(principal, action, resource, ownerId)) {
    const scope = ownerId === principal.userId ? 'own' : 'any';
    throw new ApiError('PERMISSION_DENIED', `This needs the permission ${action}:${scope}:${resource}.`);
  }
}
