export {
  grantRole,
  hasTooManyRoles,
  isLastSuperAdmin,
  MAX_ROLES_PER_USER,
  revokeRole,
} from './grants.ts';
export { loadPermissions } from './load-permissions.ts';
export { allows, allowsEvery, isPermission, narrow } from './permission.ts';
export { createPermissionStore, type PermissionStore } from './permission-store.ts';
