export { type ApiKeyRow, createApiKey, hashApiKey, storedKey } from './api-keys.ts';
export { type Auth, createAuth, type SignedIn } from './auth.ts';
export { hashPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, verifyPassword } from './password.ts';
export type { CredentialSource, Identification, Principal } from './principal.ts';
export { insertUser, type UserRow } from './users.ts';
