/**
 * Users by the beginning of their address or name (ADR 0012): first the matches by address, in its order, then those
 * by name which aren't also matches by address. So a page is one range of an index, or the end of one and the beginning of
 * another; an OR of both, ordered by anything, would read all matches for any page.
 */
import type { UserRow } from '@sv-sdk/auth';
import { type Db, users } from '@sv-sdk/db';
import { and, count, isNull, like, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import {
  COUNT_CAP,
  cappedTotal,
  type Order,
  offsetOf,
  type PageRequest,
  type Total,
} from '../../pagination.ts';

export interface UserFilter {
  readonly search: string;
  readonly role: string | undefined;
}

/** After this address; or past all addresses, after this name and id. */
type Place = ['address', string] | ['name', string, string];

interface Match {
  readonly by: 'address' | 'name';
  readonly user: UserRow;
}

export function matchesFirst(filter: UserFilter): Order<Place, Match> {
  return {
    name: JSON.stringify(['users', filter]),
    key: z.union([
      z.tuple([z.literal('address'), z.string()]),
      z.tuple([z.literal('name'), z.string(), z.string()]),
    ]),
    keyOf: ({ by, user }) => (by === 'address' ? [by, user.email] : [by, user.name, user.id]),
  };
}

/** A page of the matches, and one row more. */
export async function readMatches(
  db: Db,
  filter: UserFilter,
  request: PageRequest<Place, Match>,
): Promise<Match[]> {
  const { after } = request;
  const wanted = request.pageSize + 1;
  const offset = offsetOf(request);

  const byAddress: Match[] =
    after?.[0] === 'name' ? [] : await readByAddress(db, filter, { after: after?.[1], wanted, offset });
  if (byAddress.length === wanted) return byAddress;
  const byName = await readByName(db, filter, {
    after: after?.[0] === 'name' ? { name: after[1], id: after[2] } : undefined,
    wanted: wanted - byAddress.length,
    // A page that holds no address begins somewhere in the names. The addresses are no more than `offset`, unless some
    // have come this moment.
    offset:
      offset === 0 || byAddress.length > 0 ? 0 : Math.max(0, offset - (await countByAddress(db, filter))),
  });
  return [...byAddress, ...byName];
}

/** Reads at most twice {@link COUNT_CAP} rows: no name is passed over but those of the addresses counted. */
export function countMatches(db: Db, filter: UserFilter): Promise<Total> {
  const limit = COUNT_CAP + 1;
  const one = { one: sql<number>`1`.as('one') };
  // Ordered, or a planner that expects many matches would read the table itself, from its beginning.
  const byAddress = db
    .select(one)
    .from(users)
    .where(isMatchByAddress(filter))
    .orderBy(addressKey(filter))
    .limit(limit);
  const byName = db
    .select(one)
    .from(users)
    .where(isMatchByNameOnly(filter))
    .orderBy(nameKey(filter), users.id)
    .limit(limit);
  return cappedTotal(db, unionAll(byAddress, byName).limit(limit).as('matches'));
}

async function readByAddress(
  db: Db,
  filter: UserFilter,
  { after, wanted, offset }: { after: string | undefined; wanted: number; offset: number },
): Promise<Match[]> {
  const key = addressKey(filter);
  const rows = await db
    .select()
    .from(users)
    .where(
      and(
        isMatchByAddress(filter),
        after === undefined ? undefined : sql`${key} > ${keyPrefix(filter) + after}`,
      ),
    )
    .orderBy(key)
    .limit(wanted)
    .offset(offset);
  return rows.map((user) => ({ by: 'address', user }));
}

async function readByName(
  db: Db,
  filter: UserFilter,
  {
    after,
    wanted,
    offset,
  }: { after: { name: string; id: string } | undefined; wanted: number; offset: number },
): Promise<Match[]> {
  const key = nameKey(filter);
  const rows = await db
    .select()
    .from(users)
    .where(
      and(
        isMatchByNameOnly(filter),
        after && sql`(${key}, ${users.id}) > (lower(${keyPrefix(filter) + after.name}), ${after.id})`,
      ),
    )
    .orderBy(key, users.id)
    .limit(wanted)
    .offset(offset);
  return rows.map((user) => ({ by: 'name', user }));
}

async function countByAddress(db: Db, filter: UserFilter): Promise<number> {
  const [total] = await db.select({ users: count() }).from(users).where(isMatchByAddress(filter));
  return total?.users ?? 0;
}

function isMatchByAddress(filter: UserFilter): SQL | undefined {
  // Addresses are kept in lower case.
  return and(
    isNull(users.deletedAt),
    like(addressKey(filter), patternOf(filter, filter.search.toLowerCase())),
  );
}

function isMatchByNameOnly(filter: UserFilter): SQL | undefined {
  const address = filter.search.toLowerCase();
  return and(
    isNull(users.deletedAt),
    // Lowered by Postgres on both sides: JavaScript lowers some letters otherwise (İ).
    sql`${nameKey(filter)} like lower(${patternOf(filter, filter.search)})`,
    // Not a NOT LIKE: a planner that can tell that few are left would read and sort all names rather than pass over.
    sql`left(${users.email}, length(${address})) <> ${address}`,
  );
}

/** What is searched and ordered by, in the words of an index: users_email_key, users_role_email_idx. */
function addressKey({ role }: UserFilter): SQL {
  return role === undefined ? sql`${users.email}` : sql`(${users.role} || ' ' || ${users.email})`;
}

/** users_name_idx, users_role_name_idx. */
function nameKey({ role }: UserFilter): SQL {
  return role === undefined ? sql`lower(${users.name})` : sql`(${users.role} || ' ' || lower(${users.name}))`;
}

/** A role's name is of lower-case letters and holds no space. */
function keyPrefix({ role }: UserFilter): string {
  return role === undefined ? '' : `${role} `;
}

function patternOf(filter: UserFilter, text: string): string {
  return `${(keyPrefix(filter) + text).replace(/[\\%_]/g, '\\$&')}%`;
}
