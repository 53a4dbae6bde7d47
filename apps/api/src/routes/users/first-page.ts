import { type Cache, type CachedKind, cacheKey, TTL_SECONDS } from '@sv-sdk/cache';
import type { Database, Db } from '@sv-sdk/db';
import { z } from 'zod';
import { pagination } from '../../envelope.ts';
import { DEFAULT_PAGE_SIZE, newestFirst, type PageRequest, paginate } from '../../pagination.ts';
import { countUsers, readNewest } from './newest.ts';
import { userView, viewUser } from './view.ts';

const userPage = z.strictObject({ items: z.array(userView), pagination });
export type UserPage = z.output<typeof userPage>;

/** The newest users, in a page of the default size; of all, or of those with a main role. */
export type FirstUserPages = CachedKind<string | undefined, UserPage>;

/** How the newest are ordered: of all, or of those with a main role. */
export const newestUsersFirst = (role: string | undefined) => newestFirst('users', { role });

/** Whether a page is what {@link createFirstUserPages} keeps. */
export function isFirstPage({ page, pageSize, after }: PageRequest): boolean {
  return page === 1 && pageSize === DEFAULT_PAGE_SIZE && after === undefined;
}

/**
 * What the list is asked for nearly always, by one round trip to Redis and no query when warm. Any change of any user makes
 * it wrong (`keysOfUser`), so no other page is kept: of few keys an invalidation can name all (ADR 0055). Not in memory: a
 * caller who has changed a user sees the change, whichever instance answers.
 */
export function createFirstUserPages({ db, cache }: { db: Database; cache: Cache }): FirstUserPages {
  return cache.kind({
    name: 'user_list',
    key: cacheKey.userList,
    ttlSeconds: TTL_SECONDS.short,
    load: (role) => {
      const order = newestUsersFirst(role);
      return readUserPage(db.write(), role, {
        page: 1,
        pageSize: DEFAULT_PAGE_SIZE,
        after: undefined,
        order,
      });
    },
    parse: (json) => userPage.safeParse(json).data,
    isBypassed: () => db.isInOpenTransaction(),
  });
}

/** Any page of the newest. */
export async function readUserPage(
  db: Db,
  role: string | undefined,
  request: PageRequest,
): Promise<UserPage> {
  const [rows, total] = await Promise.all([readNewest(db, { role }, request), countUsers(db, role)]);
  const { items, pagination } = paginate(rows, request, total);
  return { items: items.map(viewUser), pagination };
}
