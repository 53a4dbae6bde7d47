export { type ApiKeyUsage, createApiKeyUsage } from './api-key-usage.ts';
export { type ApiKeyRow, createApiKey, hashApiKey, storedKey } from './api-keys.ts';
export { asIf } from './as-if.ts';
export { type Auth, createAuth, type SignedIn, type SignIn } from './auth.ts';
export { findPasswordHash, replacePassword, setPassword } from './credentials.ts';
export { deleteUser } from './delete-user.ts';
export { forgetLoginAttempts, type LoginAttempt, type LoginLimits } from './login-attempts.ts';
export { takeMailAllowance } from './mail-limit.ts';
export { hashPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, verifyPassword } from './password.ts';
export type { CredentialSource, Identification, Principal } from './principal.ts';
export { hashSessionToken } from './session-token.ts';
export { endSessions, revokeApiKeys } from './sessions.ts';
export { findUserByEmail, type SignUp, signUp } from './sign-up.ts';
export { userEmail, userName } from './user-fields.ts';
export { insertUser, type UserRow } from './users.ts';
export {
  issueVerification,
  redeemVerification,
  revokeVerification,
  type VerificationKind,
} from './verifications.ts';
