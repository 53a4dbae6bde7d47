import { recordAudit } from '@sv-sdk/audit';
import { insertUser, storedKey } from '@sv-sdk/auth';
import { apiKeys, LOAD_TEST_ROLE, type Seed, type Tx, users } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { and, eq, isNull, ne } from 'drizzle-orm';

/** `.invalid` is reserved: no mail can ever reach it. */
const EMAIL = 'load-test@sv-sdk.invalid';
const KEY_NAME = 'load test';

/**
 * The caller of the load tests: a user who can't sign in, may only read users, and has the key from
 * secrets/load_api_key. A new key in that file revokes the one before. Whoever deletes the user or revokes the
 * key has the last word.
 */
export function seedLoadTestCaller(options: { apiKey: string; logger: Logger }): Seed {
  return async (tx) => {
    const userId = await findOrMakeUser(tx);
    if (userId === undefined) return;
    const [inserted] = await tx
      .insert(apiKeys)
      .values({ userId, name: KEY_NAME, ...storedKey(options.apiKey) })
      .onConflictDoNothing({ target: apiKeys.hash })
      .returning({ id: apiKeys.id });
    if (inserted === undefined) return;
    const revoked = await tx
      .update(apiKeys)
      .set({ revokedAt: new Date() })
      .where(and(eq(apiKeys.userId, userId), ne(apiKeys.id, inserted.id), isNull(apiKeys.revokedAt)))
      .returning({ id: apiKeys.id });
    await recordAudit(tx, {
      eventType: 'api_key.created',
      userId: null,
      ipAddress: null,
      metadata: {
        targetUserId: userId,
        apiKeyId: inserted.id,
        revokedIds: revoked.map(({ id }) => id),
        by: 'sdk db migrate',
      },
    });
    options.logger.info({ apiKeyId: inserted.id }, 'the API key of the load tests was stored');
  };
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
