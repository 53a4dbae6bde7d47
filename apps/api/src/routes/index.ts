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
import { cancelEmail } from './emails/cancel.ts';
import { createEmails } from './emails/create.ts';
import { getEmail } from './emails/get.ts';
import { listEmails } from './emails/list.ts';
import { replayEmail, replayEmails } from './emails/replay.ts';
import { getEmailStats } from './emails/stats.ts';
import { checkPermissions } from './permissions/check.ts';
import { createRole } from './roles/create.ts';
import { deleteRole } from './roles/delete.ts';
import { getRole } from './roles/get.ts';
import { listRoles } from './roles/list.ts';
import { updateRole } from './roles/update.ts';
import { createSuppression } from './suppressions/create.ts';
import { deleteSuppression } from './suppressions/delete.ts';
import { listSuppressions } from './suppressions/list.ts';
import { createTemplate } from './templates/create.ts';
import { deleteTemplate } from './templates/delete.ts';
import { getTemplate } from './templates/get.ts';
import { listTemplates } from './templates/list.ts';
import { previewDraft, previewTemplate } from './templates/preview.ts';
import { updateTemplate } from './templates/update.ts';
import { getEmailPreferences, updateEmailPreferences } from './unsubscribe/preferences.ts';
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
  listEmails,
  listTemplates,
  createTemplate,
  previewDraft,
  getTemplate,
  updateTemplate,
  deleteTemplate,
  previewTemplate,
  createEmails,
  // Before the route of `:id`, which would take it for one.
  getEmailStats,
  replayEmails,
  getEmail,
  cancelEmail,
  replayEmail,
  listSuppressions,
  createSuppression,
  deleteSuppression,
  getEmailPreferences,
  updateEmailPreferences,
  listAudit,
  exportAuditLog,
];
