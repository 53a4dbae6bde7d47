import { cacheKey } from '@sv-sdk/cache';
import { apiKeys, markStale, sessions, type Tx } from '@sv-sdk/db';
import { and, eq, isNull, ne } from 'drizzle-orm';

/**
 * Ends sessions of a user, on every instance: all of them, all but one, or only one. Answers how many there were.
 */
export async function endSessions(
  tx: Tx,
  userId: string,
  which: { exceptId?: string; id?: string } = {},
): Promise<number> {
  const ended = await tx
    .delete(sessions)
    .where(
      and(
        eq(sessions.userId, userId),
        which.exceptId === undefined ? undefined : ne(sessions.id, which.exceptId),
        which.id === undefined ? undefined : eq(sessions.id, which.id),
      ),
    )
    .returning({ tokenHash: sessions.token });
  await markStale(
    tx,
    ended.map(({ tokenHash }) => cacheKey.session(tokenHash)),
  );
  return ended.length;
}

/** Revokes API keys of a user, on every instance: all that are not revoked, or one of them. Answers how many. */
export async function revokeApiKeys(tx: Tx, userId: string, which: { id?: string } = {}): Promise<number> {
  const revoked = await tx
    .update(apiKeys)
    .set({ revokedAt: new Date() })
    .where(
      and(
        eq(apiKeys.userId, userId),
        isNull(apiKeys.revokedAt),
        which.id === undefined ? undefined : eq(apiKeys.id, which.id),
      ),
    )
    .returning({ keyHash: apiKeys.hash });
  await markStale(
    tx,
    revoked.map(({ keyHash }) => cacheKey.apiKey(keyHash)),
  );
  return revoked.length;
}
