import { recordAudit } from '@sv-sdk/audit';
import { insertUser, storedKey } from '@sv-sdk/auth';
import { cacheKey } from '@sv-sdk/cache';
import { apiKeys, LOAD_TEST_ROLE, markStale, type Seed, type Tx, users } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { and, eq, isNull, ne, sql } from 'drizzle-orm';

/** `.invalid` is reserved: no mail can ever reach it. */
const EMAIL = 'load-test@sv-sdk.invalid';
const KEY_NAME = 'load test';

interface LoadTest {
  readonly apiKey: string;
  /** Of the key alone: a load test sends more than any person, and all of it from one address. */
  readonly rateLimitPerMinute: number;
  readonly logger: Logger;
}

/**
 * The caller of the load tests: a user who can't sign in, may only read users, and has the key from
 * secrets/load_api_key. A new key in that file revokes the one before, a new limit is that of the key from the
 * next migration on. Whoever deletes the user or revokes the key has the last word.
 */
export function seedLoadTestCaller(options: LoadTest): Seed {
  return async (tx) => {
    const userId = await findOrMakeUser(tx);
    if (userId === undefined) return;
    const { rateLimitPerMinute } = options;
    const [inserted] = await tx
      .insert(apiKeys)
      .values({ userId, name: KEY_NAME, rateLimitPerMinute, ...storedKey(options.apiKey) })
      .onConflictDoNothing({ target: apiKeys.hash })
      .returning({ id: apiKeys.id });
    if (inserted === undefined) await changeLimit(tx, userId, options);
    else await replaceOtherKeys(tx, userId, inserted.id, options.logger);
  };
}

async function replaceOtherKeys(tx: Tx, userId: string, newId: string, logger: Logger): Promise<void> {
  const revoked = await tx
    .update(apiKeys)
    .set({ revokedAt: new Date() })
    .where(and(eq(apiKeys.userId, userId), ne(apiKeys.id, newId), isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id, hash: apiKeys.hash });
  await markStale(
    tx,
    revoked.map(({ hash }) => cacheKey.apiKey(hash)),
  );
  await recordAudit(tx, {
    eventType: 'api_key.created',
    userId: null,
    ipAddress: null,
    metadata: {
      targetUserId: userId,
      apiKeyId: newId,
      revokedIds: revoked.map(({ id }) => id),
      by: 'sdk db migrate',
    },
  });
  logger.info({ apiKeyId: newId }, 'the API key of the load tests was stored');
}

async function changeLimit(tx: Tx, userId: string, { apiKey, rateLimitPerMinute }: LoadTest): Promise<void> {
  const { hash } = storedKey(apiKey);
  const [changed] = await tx
    .update(apiKeys)
    .set({ rateLimitPerMinute })
    .where(
      and(
        eq(apiKeys.hash, hash),
        eq(apiKeys.userId, userId),
        sql`${apiKeys.rateLimitPerMinute} is distinct from ${rateLimitPerMinute}`,
      ),
    )
    .returning({ id: apiKeys.id });
  if (changed === undefined) return;
  await markStale(tx, [cacheKey.apiKey(hash)]);
  await recordAudit(tx, {
    eventType: 'api_key.rate_limit_changed',
    userId: null,
    ipAddress: null,
    metadata: { targetUserId: userId, apiKeyId: changed.id, rateLimitPerMinute, by: 'sdk db migrate' },
  });
}

/** Undefined: the user was deleted. */
async function findOrMakeUser(tx: Tx): Promise<string | undefined> {
  const found = await tx
    .select({ id: users.id, deletedAt: users.deletedAt })
    .from(users)
    .where(eq(users.email, EMAIL));
  if (found.length > 0) return found.find(({ deletedAt }) => deletedAt === null)?.id;
  const user = await insertUser(tx, {
    email: EMAIL,
    name: 'Load test',
    role: LOAD_TEST_ROLE.name,
    emailVerified: true,
    grantedBy: null,
  });
  return user?.id;
}
