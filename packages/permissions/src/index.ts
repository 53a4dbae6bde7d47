export { grantRole, revokeRole } from './grants.ts';
export { loadPermissions } from './load-permissions.ts';
export { allows, allowsEvery, isPermission, narrow } from './permission.ts';
