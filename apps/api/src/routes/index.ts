import type { Endpoint } from '../endpoint/endpoint.ts';
import { exportAuditLog } from './audit/export.ts';
import { listAudit } from './audit/list.ts';
import { createApiKey, listApiKeys, revokeApiKey } from './auth/api-keys.ts';
import { login } from './auth/login.ts';
import { logout } from './auth/logout.ts';
import { changePassword, resetPassword } from './auth/password.ts';
import { getSession } from './auth/session.ts';
import { endOtherSessions, endSession, listSessions } from './auth/sessions.ts';
import { signUp } from './auth/signup.ts';
import { requestPasswordReset, sendVerificationEmail, verifyEmail } from './auth/verification.ts';
import { createEmails } from './emails/create.ts';
import { getEmail } from './emails/get.ts';
import { checkPermissions } from './permissions/check.ts';
import { createRole } from './roles/create.ts';
import { deleteRole } from './roles/delete.ts';
import { getRole } from './roles/get.ts';
import { listRoles } from './roles/list.ts';
import { updateRole } from './roles/update.ts';
import { createUser } from './users/create.ts';
import { deleteUser } from './users/delete.ts';
import { getUser } from './users/get.ts';
import { listUsers } from './users/list.ts';
import { grantUserRole } from './users/roles/grant.ts';
import { listUserRoles } from './users/roles/list.ts';
import { revokeUserRole } from './users/roles/revoke.ts';
import { updateUser } from './users/update.ts';

/** Every route in the envelope; what is not in here doesn't exist. */
export const endpoints: readonly Endpoint[] = [
  signUp,
  login,
  logout,
  getSession,
  listSessions,
  endSession,
  endOtherSessions,
  sendVerificationEmail,
  verifyEmail,
  requestPasswordReset,
  resetPassword,
  changePassword,
  listApiKeys,
  createApiKey,
  revokeApiKey,
  listUsers,
  createUser,
  getUser,
  updateUser,
  deleteUser,
  listRoles,
  createRole,
  getRole,
  updateRole,
  deleteRole,
  listUserRoles,
  grantUserRole,
  revokeUserRole,
  checkPermissions,
  createEmails,
  getEmail,
  listAudit,
  exportAuditLog,
];
