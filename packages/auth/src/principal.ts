import type { IncomingHttpHeaders } from 'node:http';
import { apiKeys, type Database, sessions, users } from '@sv-sdk/db';
import { loadPermissions, narrow } from '@sv-sdk/permissions';
import { and, eq, gt, isNull, or, sql } from 'drizzle-orm';
import { hashApiKey } from './api-keys.ts';
import type { SessionCookie } from './session-cookie.ts';

/** Who a request comes from, and all that it may do. */
export interface Principal {
  readonly userId: string;
  readonly kind: 'session' | 'api_key';
  /** The id of the session or of the API key. */
  readonly credentialId: string;
  readonly expiresAt: Date | null;
  /** Those of the user's roles, narrowed to the API key's scopes. */
  readonly permissions: readonly string[];
}

export type CredentialSource = 'api_key' | 'bearer' | 'cookie';

export type Identification =
  | { readonly outcome: 'anonymous' }
  | { readonly outcome: 'refused'; readonly source: CredentialSource }
  | { readonly outcome: 'identified'; readonly source: CredentialSource; readonly principal: Principal };

/** No credential of ours comes near it; what is longer is not worth a query. */
const MAX_CREDENTIAL_LENGTH = 256;

/**
 * The one place that turns credentials into a principal. What is sent by name goes before what a browser
 * sends by itself (X-API-Key, `Authorization: Bearer`, cookie), and a bad one is refused, never skipped.
 * Reads the primary, so that a revoked credential or permission is refused at once, also by other instances.
 */
export async function resolvePrincipal(
  db: Database,
  cookie: SessionCookie,
  headers: IncomingHttpHeaders,
): Promise<Identification> {
  const credential = findCredential(cookie, headers);
  if (credential === undefined) return { outcome: 'anonymous' };
  const { source, secret } = credential;
  const found = secret === undefined ? undefined : await lookUp(db, source, secret);
  if (found === undefined) return { outcome: 'refused', source };

  const held = await loadPermissions(db.write(), found.userId);
  const permissions = found.scopes === null ? held : narrow(held, found.scopes);
  return {
    outcome: 'identified',
    source,
    principal: {
      userId: found.userId,
      kind: source === 'api_key' ? 'api_key' : 'session',
      credentialId: found.id,
      expiresAt: found.expiresAt,
      permissions,
    },
  };
}

/** `secret` is undefined where the credential is refused at sight. */
function findCredential(
  cookie: SessionCookie,
  headers: IncomingHttpHeaders,
): { source: CredentialSource; secret: string | undefined } | undefined {
  const bounded = (text: string | undefined) =>
    text === undefined || text === '' || text.length > MAX_CREDENTIAL_LENGTH ? undefined : text;
  const apiKey = headers['x-api-key'];
  if (apiKey !== undefined) return { source: 'api_key', secret: bounded(String(apiKey)) };
  const bearer = /^Bearer +(\S*) *$/i.exec(headers.authorization ?? '');
  if (bearer !== null) return { source: 'bearer', secret: bounded(bearer[1]) };
  const fromCookie = cookie.read(headers.cookie);
  if (fromCookie.present) return { source: 'cookie', secret: bounded(fromCookie.token) };
  return undefined;
}

interface Found {
  readonly id: string;
  readonly userId: string;
  readonly expiresAt: Date | null;
  readonly scopes: string[] | null;
}

async function lookUp(db: Database, source: CredentialSource, secret: string): Promise<Found | undefined> {
  const [found] = await (source === 'api_key' ? lookUpApiKey(db, secret) : lookUpSession(db, secret));
  return found;
}

const userIsLive = and(eq(users.isActive, true), isNull(users.deletedAt));

function lookUpSession(db: Database, token: string): PromiseLike<Found[]> {
  return db
    .write()
    .select({
      id: sessions.id,
      userId: sessions.userId,
      expiresAt: sessions.expiresAt,
      scopes: sql<null>`null`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.token, token), gt(sessions.expiresAt, sql`now()`), userIsLive));
}

function lookUpApiKey(db: Database, key: string): PromiseLike<Found[]> {
  return db
    .write()
    .select({
      id: apiKeys.id,
      userId: apiKeys.userId,
      expiresAt: apiKeys.expiresAt,
      scopes: apiKeys.scopes,
    })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .where(
      and(
        eq(apiKeys.hash, hashApiKey(key)),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)),
        userIsLive,
      ),
    );
}
