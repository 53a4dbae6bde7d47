import type { UserRow } from '@sv-sdk/auth';
import { type Cache, type CachedKind, cacheKey, TTL_SECONDS } from '@sv-sdk/cache';
import { type Database, type Db, type Tx, users } from '@sv-sdk/db';
import { and, eq, isNull } from 'drizzle-orm';
import type { z } from 'zod';
import { userView, viewUser } from './view.ts';

/** Users as the API shows them, by id; none that was deleted. One round trip to Redis and no query when warm. */
export type UserStore = CachedKind<string, z.output<typeof userView>>;

/** Not in memory: a caller who has changed a user sees the change, whichever instance answers. */
export function createUserStore({ db, cache }: { db: Database; cache: Cache }): UserStore {
  return cache.kind({
    name: 'user',
    key: cacheKey.user,
    ttlSeconds: TTL_SECONDS.medium,
    async load(id: string) {
      const user = await loadUser(db.write(), id);
      return user && viewUser(user);
    },
    parse: (json) => userView.safeParse(json).data,
    isBypassed: () => db.isInOpenTransaction(),
  });
}

/** A user who wasn't deleted. */
export async function loadUser(db: Db, id: string): Promise<UserRow | undefined> {
  const [user] = await db.select().from(users).where(liveUser(id));
  return user;
}

/**
 * The same, locked until the transaction ends, so that what is decided about it stays true. Not FOR UPDATE: that also
 * holds up who only refers to the user, and two who change each other's role (`granted_by`) deadlock.
 */
export async function lockUser(tx: Tx, id: string): Promise<UserRow | undefined> {
  const [user] = await tx.select().from(users).where(liveUser(id)).for('no key update');
  return user;
}

function liveUser(id: string) {
  return and(eq(users.id, id), isNull(users.deletedAt));
}
