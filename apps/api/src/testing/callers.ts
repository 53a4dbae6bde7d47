/** For tests: callers with exactly these permissions and this credential, written to the database directly. */
import { createHmac, randomBytes } from 'node:crypto';
import { createApiKey, hashSessionToken, insertUser } from '@sv-sdk/auth';
import { roles, sessions, type Tx } from '@sv-sdk/db';
import type { CallOptions, TestApi } from './api.ts';
import { CORS_ORIGIN, SECRET } from './api.ts';

export type CredentialKind = 'bearer' | 'cookie' | 'api key';

export interface Caller {
  readonly userId: string;
  /** What a request of this caller's carries. */
  readonly credential: Pick<CallOptions, 'token' | 'apiKey' | 'cookie' | 'headers'>;
}

/** A role of this name with these permissions, once. */
export async function addRole(tx: Tx, name: string, permissions: readonly string[]): Promise<string> {
  await tx
    .insert(roles)
    .values({ name, permissions: [...permissions] })
    .onConflictDoNothing();
  return name;
}

/** A user without a password who holds this role. */
export async function addUserWithRole(tx: Tx, role: string): Promise<string> {
  const user = await insertUser(tx, {
    email: `${crypto.randomUUID()}@example.org`,
    name: 'Caller',
    role,
    emailVerified: true,
    grantedBy: null,
  });
  if (user === undefined) throw new Error('a random address is taken');
  return user.id;
}

/** A session of the user, as signing in makes it. */
export async function addSession(
  tx: Tx,
  userId: string,
  expiresAt = new Date(Date.now() + 3_600_000),
): Promise<{ id: string; token: string }> {
  const token = randomBytes(24).toString('base64url');
  const [row] = await tx
    .insert(sessions)
    .values({ userId, token: hashSessionToken(token), expiresAt })
    .returning({ id: sessions.id });
  if (row === undefined) throw new Error('the insert of a session returned no row');
  return { id: row.id, token };
}

/** A credential of the user; a cookie comes with the Origin that a browser sends. */
export async function addCredential(
  tx: Tx,
  userId: string,
  kind: CredentialKind,
  options: { scopes?: string[]; expiresAt?: Date; cookieName: string },
): Promise<Caller['credential']> {
  if (kind === 'api key') {
    const { scopes = null, expiresAt = null } = options;
    return { apiKey: (await createApiKey(tx, { userId, name: 'key', scopes, expiresAt })).key };
  }
  const { token } = await addSession(tx, userId, options.expiresAt);
  return kind === 'bearer'
    ? { token }
    : { cookie: signedCookie(options.cookieName, token), headers: { origin: CORS_ORIGIN } };
}

/** In the form of better-auth: `<token>.<base64 of HMAC-SHA256>`, percent-encoded. */
function signedCookie(name: string, token: string): string {
  const signature = createHmac('sha256', SECRET).update(token).digest('base64');
  return `${name}=${encodeURIComponent(`${token}.${signature}`)}`;
}

/** The session cookie's name, from where every client has it. */
export async function cookieNameOf(api: TestApi): Promise<string> {
  const { body } = await api.call('GET', '/api/v1/openapi.json');
  return body.components.securitySchemes.session.name;
}
