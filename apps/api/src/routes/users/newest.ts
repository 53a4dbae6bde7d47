import type { UserRow } from '@sv-sdk/auth';
import { type Db, prepared, userCounts, users } from '@sv-sdk/db';
import { and, desc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { isBehind, offsetOf, type PageRequest } from '../../pagination.ts';

const { placeholder } = sql;
const newestFirst = [desc(users.createdAt), desc(users.id)];
const place = { createdAt: placeholder('createdAt'), id: placeholder('id') };

/** What the statement of a page holds beside its end. */
interface Parts {
  readonly ofRole: boolean;
  readonly behind: boolean;
  readonly skipping: boolean;
}

/** Prepared: to build it for each request took a third of what a list of users costs the app (bench/HISTORY.md). */
function preparePage(name: string, { ofRole, behind, skipping }: Parts) {
  return prepared(name, (db) => {
    const ids = db
      .select({ id: users.id })
      .from(users)
      .where(
        and(
          isNull(users.deletedAt),
          ofRole ? eq(users.role, placeholder('role')) : undefined,
          behind ? isBehind(users.createdAt, users.id, place) : undefined,
        ),
      )
      .orderBy(...newestFirst)
      .limit(placeholder('rows'));
    return db
      .select()
      .from(users)
      .where(inArray(users.id, skipping ? ids.offset(placeholder('offset')) : ids))
      .orderBy(...newestFirst);
  });
}

const pages = new Map<string, ReturnType<typeof preparePage>>();

/**
 * A page of the users, newest first, and one row more. One range of an index, with a role too. The rows are fetched once
 * their ids are known: what a page number skips is then read in the index only.
 */
export function readNewest(
  db: Db,
  { role }: { role: string | undefined },
  request: PageRequest,
): Promise<UserRow[]> {
  const { after, pageSize } = request;
  const offset = offsetOf(request);
  const parts = { ofRole: role !== undefined, behind: after !== undefined, skipping: offset > 0 };
  const name = ['users_newest', ...Object.keys(parts).filter((part) => parts[part as keyof Parts])].join('_');
  const page = pages.get(name) ?? preparePage(name, parts);
  pages.set(name, page);
  const { createdAt, id } = after ?? {};
  return page(db, { role, createdAt: createdAt?.toISOString(), id, rows: pageSize + 1, offset });
}

const live = sql<number>`coalesce(sum(${userCounts.live}), 0)`.mapWith(Number);
const countAll = prepared('users_count', (db) => db.select({ users: live }).from(userCounts));
const countOfRole = prepared('users_count_ofRole', (db) =>
  db
    .select({ users: live })
    .from(userCounts)
    .where(eq(userCounts.role, placeholder('role'))),
);

/** How many users there are, or how many have this main role: what the trigger has counted (ADR 0012). */
export async function countUsers(db: Db, role: string | undefined): Promise<number> {
  const [total] = await (role === undefined ? countAll(db, {}) : countOfRole(db, { role }));
  return total?.users ?? 0;
}
