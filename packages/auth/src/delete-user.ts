import { cacheKey, keysOfUser } from '@sv-sdk/cache';
import { markStale, type Tx, users } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { endSessions, revokeApiKeys } from './sessions.ts';

/**
 * Deletes a user, on every instance. Soft: the row stays for what refers to it, and is invisible. Sessions and keys
 * end for good; answers how many there were. The caller holds the row's lock, and has asked `isLastSuperAdmin`.
 */
export async function deleteUser(
  tx: Tx,
  userId: string,
): Promise<{ endedSessions: number; revokedApiKeys: number }> {
  const [user] = await tx
    .update(users)
    .set({ deletedAt: new Date(), isActive: false })
    .where(eq(users.id, userId))
    .returning({ role: users.role });
  if (user === undefined) throw new Error(`there is no user ${userId} to delete`);
  const endedSessions = await endSessions(tx, userId);
  const revokedApiKeys = await revokeApiKeys(tx, userId);
  await markStale(tx, [...keysOfUser(userId, user.role), cacheKey.permissions(userId)]);
  return { endedSessions, revokedApiKeys };
}
