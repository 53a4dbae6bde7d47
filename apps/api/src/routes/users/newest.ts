import type { UserRow } from '@sv-sdk/auth';
import { type Db, userCounts, users } from '@sv-sdk/db';
import { and, desc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { isAfter, offsetOf, type PageRequest } from '../../pagination.ts';

/**
 * A page of the users, newest first, and one row more. One range of an index, with a role too. The rows are fetched once
 * their ids are known: what a page number skips is then read in the index only.
 */
export function readNewest(
  db: Db,
  { role }: { role: string | undefined },
  request: PageRequest,
): PromiseLike<UserRow[]> {
  const { after, pageSize } = request;
  const newestFirst = [desc(users.createdAt), desc(users.id)];
  const ids = db
    .select({ id: users.id })
    .from(users)
    .where(
      and(
        isNull(users.deletedAt),
        role === undefined ? undefined : eq(users.role, role),
        isAfter(users.createdAt, users.id, after),
      ),
    )
    .orderBy(...newestFirst)
    .limit(pageSize + 1)
    .offset(offsetOf(request));
  return db
    .select()
    .from(users)
    .where(inArray(users.id, ids))
    .orderBy(...newestFirst);
}

/** How many users there are, or how many have this main role: what the trigger has counted (ADR 0012). */
export async function countUsers(db: Db, role: string | undefined): Promise<number> {
  const [total] = await db
    .select({ users: sql<number>`coalesce(sum(${userCounts.live}), 0)`.mapWith(Number) })
    .from(userCounts)
    .where(role === undefined ? undefined : eq(userCounts.role, role));
  return total?.users ?? 0;
}
