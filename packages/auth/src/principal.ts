import type { IncomingHttpHeaders } from 'node:http';
import { type Cache, cacheKey, TTL_SECONDS } from '@sv-sdk/cache';
import { apiKeys, type Database, sessions, users } from '@sv-sdk/db';
import { narrow, type PermissionStore } from '@sv-sdk/permissions';
import { and, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import type { ApiKeyUsage } from './api-key-usage.ts';
import { hashApiKey } from './api-keys.ts';
import type { SessionCookie } from './session-cookie.ts';
import { hashSessionToken } from './session-token.ts';

/** Who a request comes from, and all that it may do. */
export interface Principal {
  readonly userId: string;
  readonly kind: 'session' | 'api_key';
  /** The id of the session or of the API key. */
  readonly credentialId: string;
  readonly expiresAt: Date | null;
  /** Those of the user's roles, narrowed to the API key's scopes. */
  readonly permissions: readonly string[];
  /** Of the API key, where it has a limit of its own. */
  readonly rateLimitPerMinute: number | null;
}

export type CredentialSource = 'api_key' | 'bearer' | 'cookie';

export type Identification =
  | { readonly outcome: 'anonymous' }
  | { readonly outcome: 'refused'; readonly source: CredentialSource }
  | { readonly outcome: 'identified'; readonly source: CredentialSource; readonly principal: Principal };

/** The one place that turns credentials into a principal. */
export type ResolvePrincipal = (headers: IncomingHttpHeaders) => Promise<Identification>;

/** No credential of ours comes near it; what is longer is not worth a query. */
const MAX_CREDENTIAL_LENGTH = 256;
/** About 6 MB each. */
const MOST_SESSIONS = 20_000;
const MOST_API_KEYS = 20_000;

/**
 * What is sent by name goes before what a browser sends by itself (X-API-Key, `Authorization: Bearer`, cookie),
 * and a bad one is refused, never skipped. Credentials and permissions come from the cache; whoever ends a
 * credential, or its user, marks its key as stale, and within a second no instance takes it any more. What is not
 * in the cache is read from the primary. Rejects when that can't answer: nobody is let in on a guess.
 */
export function createPrincipalResolver(options: {
  db: Database;
  cache: Cache;
  permissions: PermissionStore;
  cookie: SessionCookie;
  usage: Pick<ApiKeyUsage, 'touch'>;
}): ResolvePrincipal {
  const { cookie, permissions, usage } = options;
  const bySession = createSessions(options);
  const byApiKey = createApiKeys(options);

  return async (headers) => {
    const credential = findCredential(cookie, headers);
    if (credential === undefined) return { outcome: 'anonymous' };
    const { source, secret } = credential;
    const isApiKey = source === 'api_key';
    const lookUp = isApiKey ? byApiKey.get : bySession.get;
    const found =
      secret === undefined
        ? undefined
        : await lookUp(isApiKey ? hashApiKey(secret) : hashSessionToken(secret));
    // At every use: what is in the cache outlives its time there.
    if (found === undefined || (found.expiresAtMs !== null && found.expiresAtMs <= Date.now())) {
      return { outcome: 'refused', source };
    }

    const held = await permissions.permissionsOf(found.userId);
    if (isApiKey) usage.touch(found.id);
    return {
      outcome: 'identified',
      source,
      principal: {
        userId: found.userId,
        kind: isApiKey ? 'api_key' : 'session',
        credentialId: found.id,
        expiresAt: found.expiresAtMs === null ? null : new Date(found.expiresAtMs),
        permissions: found.scopes === null ? held : narrow(held, found.scopes),
        rateLimitPerMinute: found.rateLimitPerMinute,
      },
    };
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

const credential = z.strictObject({
  id: z.string(),
  userId: z.string(),
  expiresAtMs: z.number().nullable(),
  scopes: z.array(z.string()).nullable(),
  rateLimitPerMinute: z.number().nullable(),
});
type Credential = z.output<typeof credential>;

/** A session always ends; one without an end would never do. */
const session = credential.extend({ expiresAtMs: z.number(), scopes: z.null() });

const userIsLive = and(eq(users.isActive, true), isNull(users.deletedAt));

/** Sessions of users who may use them, by the hash of their token. */
function createSessions({ db, cache }: { db: Database; cache: Cache }) {
  return cache.kind<string, Credential>({
    name: 'session',
    key: cacheKey.session,
    ttlSeconds: TTL_SECONDS.medium,
    local: { maxEntries: MOST_SESSIONS, ttlSeconds: TTL_SECONDS.short },
    async load(tokenHash) {
      const [row] = await db
        .write()
        .select({ id: sessions.id, userId: sessions.userId, expiresAt: sessions.expiresAt })
        .from(sessions)
        .innerJoin(users, eq(users.id, sessions.userId))
        .where(and(eq(sessions.token, tokenHash), userIsLive));
      if (row === undefined) return undefined;
      const { expiresAt, ...rest } = row;
      return { ...rest, expiresAtMs: expiresAt.getTime(), scopes: null, rateLimitPerMinute: null };
    },
    parse: (json) => session.safeParse(json).data,
    isBypassed: () => db.isInOpenTransaction(),
  });
}

/** API keys that were not revoked, of users who may use them, by their hash. */
function createApiKeys({ db, cache }: { db: Database; cache: Cache }) {
  return cache.kind<string, Credential>({
    name: 'api_key',
    key: cacheKey.apiKey,
    ttlSeconds: TTL_SECONDS.medium,
    local: { maxEntries: MOST_API_KEYS, ttlSeconds: TTL_SECONDS.short },
    async load(hash) {
      const [row] = await db
        .write()
        .select({
          id: apiKeys.id,
          userId: apiKeys.userId,
          expiresAt: apiKeys.expiresAt,
          scopes: apiKeys.scopes,
          rateLimitPerMinute: apiKeys.rateLimitPerMinute,
        })
        .from(apiKeys)
        .innerJoin(users, eq(users.id, apiKeys.userId))
        .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt), userIsLive));
      if (row === undefined) return undefined;
      const { expiresAt, ...rest } = row;
      return { ...rest, expiresAtMs: expiresAt?.getTime() ?? null };
    },
    parse: (json) => credential.safeParse(json).data,
    isBypassed: () => db.isInOpenTransaction(),
  });
}
