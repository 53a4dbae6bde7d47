import type { Endpoint } from '../endpoint/endpoint.ts';
import { createApiKey, listApiKeys, revokeApiKey } from './auth/api-keys.ts';
import { login } from './auth/login.ts';
import { logout } from './auth/logout.ts';
import { getSession } from './auth/session.ts';
import { signUp } from './auth/signup.ts';
import { createEmails } from './emails/create.ts';
import { getEmail } from './emails/get.ts';
import { checkPermissions } from './permissions/check.ts';
import { listRoles } from './roles/list.ts';
import { createUser } from './users/create.ts';
import { deleteUser } from './users/delete.ts';
import { getUser } from './users/get.ts';
import { listUsers } from './users/list.ts';
import { updateUser } from './users/update.ts';

/** Every route in the envelope; what is not in here doesn't exist. */
export const endpoints: readonly Endpoint[] = [
  signUp,
  login,
  logout,
  getSession,
  listApiKeys,
  createApiKey,
  revokeApiKey,
  listUsers,
  createUser,
  getUser,
  updateUser,
  deleteUser,
  listRoles,
  checkPermissions,
  createEmails,
  getEmail,
];
