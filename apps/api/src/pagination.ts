import { createHash } from 'node:crypto';
import type { Db } from '@sv-sdk/db';
import { type Column, count, type Placeholder, type SQL, type Subquery, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Pagination } from './envelope.ts';
import { ApiError } from './errors.ts';
import { integerParameter } from './schemas.ts';

export const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
const MAX_PAGE = 1_000_000;
/** A name of 200 characters of 4 bytes in base64url, and what goes with it. */
const MAX_CURSOR_LENGTH = 2_000;
/**
 * Ten pages of the default size. A count(*) over all that a filter lets through costs what the table costs.
 */
export const COUNT_CAP = 200;

/** The query parameters of every list: a page by its number, or by the cursor of the page before. */
export const cursorParameters = {
  page: integerParameter(1, MAX_PAGE).optional().meta({ description: '1 by default.' }),
  pageSize: integerParameter(1, MAX_PAGE_SIZE)
    .optional()
    .meta({ description: `${DEFAULT_PAGE_SIZE} by default.` }),
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR_LENGTH)
    .optional()
    .meta({ description: 'The `nextCursor` of the page before, with the same filters; excludes `page`.' }),
};

/** How a list is ordered, and which list it is. */
export interface Order<K, R> {
  /** Tells this list, order and filters from all others: a cursor of another is refused. */
  readonly name: string;
  /** A place in the order as it stands in a cursor: plain JSON. */
  readonly key: z.ZodType<K>;
  keyOf(row: R): K;
}

/** The place after a row in the order (createdAt, id), newest first. */
export interface NewestFirst {
  readonly createdAt: Date;
  readonly id: string;
}

const newestFirstKey = z.codec(
  z.tuple([z.int().min(0).max(8.64e15), z.string().min(1).max(64)]),
  z.object({ createdAt: z.date(), id: z.string() }),
  {
    decode: ([createdAtMs, id]) => ({ createdAt: new Date(createdAtMs), id }),
    encode: ({ createdAt, id }): [number, string] => [createdAt.getTime(), id],
  },
);

/**
 * The order of most lists. `list` is its name and `filters` all parameters of the query that choose rows, so that
 * a cursor is good for this list with these filters only.
 */
export function newestFirst(list: string, filters: object = {}): Order<NewestFirst, NewestFirst> {
  return {
    name: JSON.stringify([list, filters]),
    key: newestFirstKey,
    keyOf: ({ createdAt, id }) => ({ createdAt, id }),
  };
}

export interface PageRequest<K = NewestFirst, R = NewestFirst> {
  readonly page: number;
  readonly pageSize: number;
  /** Where a cursor says to go on; else `page` counts from the start. */
  readonly after: K | undefined;
  readonly order: Order<K, R>;
}

interface PageQuery {
  page?: number | undefined;
  pageSize?: number | undefined;
  cursor?: string | undefined;
}

/** Which page a query asks for. A cursor stays right while rows come and go, and costs the same on page 50,000. */
export function pageRequestOf<K, R>(query: PageQuery, order: Order<K, R>): PageRequest<K, R> {
  const { pageSize = DEFAULT_PAGE_SIZE } = query;
  if (query.cursor === undefined) return { page: query.page ?? 1, pageSize, after: undefined, order };
  if (query.page !== undefined) throw invalid('page', 'cannot be combined with cursor');
  const { page, after } = decodeCursor(query.cursor, order);
  return { page, pageSize, after, order };
}

/** How many rows are before the page: none after a cursor, which says itself where to go on. */
export function offsetOf({ page, pageSize, after }: PageRequest<unknown, never>): number {
  return after === undefined ? (page - 1) * pageSize : 0;
}

/** Newest first, what comes after a cursor's place; a row comparison, so that one index scan finds it. */
export function isAfter(createdAt: Column, id: Column, after: NewestFirst | undefined): SQL | undefined {
  return after && isBehind(createdAt, id, { createdAt: after.createdAt.toISOString(), id: after.id });
}

/** The same, for placeholders. */
export function isBehind(
  createdAt: Column,
  id: Column,
  place: { createdAt: string | Placeholder; id: string | Placeholder },
): SQL {
  return sql`(${createdAt}, ${id}) < (${place.createdAt}::timestamptz, ${place.id})`;
}

/** How many rows a list has; not exact where nobody counted beyond {@link COUNT_CAP}. */
export interface Total {
  readonly count: number;
  readonly isExact: boolean;
}

/** Counts what `limited` selects: at most {@link COUNT_CAP} + 1 rows, in the order of an index, or more are read. */
export async function cappedTotal(db: Db, limited: Subquery): Promise<Total> {
  const [row] = await db.select({ count: count() }).from(limited);
  const counted = row?.count ?? 0;
  return { count: Math.min(counted, COUNT_CAP), isExact: counted <= COUNT_CAP };
}

/** Cuts what was read, one row more than a page, to the page, and says where it stands. A number is an exact total. */
export function paginate<K, R, T extends R>(
  rows: readonly T[],
  request: PageRequest<K, R>,
  total: Total | number,
): { items: T[]; pagination: Pagination } {
  const { page, pageSize, order } = request;
  const { count: counted, isExact } = typeof total === 'number' ? { count: total, isExact: true } : total;
  const items = rows.slice(0, pageSize);
  const hasNextPage = rows.length > pageSize;
  // Beyond the cap a page itself knows better how many rows there are at least.
  const seen = rows.length === 0 ? 0 : (page - 1) * pageSize + rows.length;
  const totalCount = isExact ? counted : Math.max(counted, seen);
  const last = items.at(-1);
  return {
    items,
    pagination: {
      page,
      pageSize,
      totalPages: Math.ceil(totalCount / pageSize),
      totalCount,
      totalCountIsExact: isExact,
      hasNextPage,
      hasPreviousPage: page > 1,
      nextCursor:
        hasNextPage && last !== undefined
          ? encodeCursor({ page: page + 1, after: order.keyOf(last) }, order)
          : null,
    },
  };
}

/** The page that begins at the place, the place, and a checksum over both and the order's name. */
const envelope = z.tuple([z.string(), z.int().min(2).max(Number.MAX_SAFE_INTEGER), z.unknown()]);

/**
 * Against mistakes, not against forgers, and so without a key: whoever makes up a cursor of their own gets the rows
 * after another place of a list that they may read anyway.
 */
function checksumOf(page: number, key: unknown, order: string): string {
  return createHash('sha256')
    .update(JSON.stringify([order, page, key]))
    .digest('base64url')
    .slice(0, 8);
}

function encodeCursor<K, R>({ page, after }: { page: number; after: K }, order: Order<K, R>): string {
  const key = z.encode(order.key, after);
  return Buffer.from(JSON.stringify([checksumOf(page, key, order.name), page, key])).toString('base64url');
}

function decodeCursor<K, R>(cursor: string, order: Order<K, R>): { page: number; after: K } {
  const bytes = Buffer.from(cursor, 'base64url');
  // The decoder skips what isn't base64url.
  if (bytes.toString('base64url') !== cursor) throw foreignCursor();
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString());
  } catch {
    throw foreignCursor();
  }
  const parsed = envelope.safeParse(content);
  if (!parsed.success) throw foreignCursor();
  const [checksum, page, key] = parsed.data;
  const after = order.key.safeParse(key);
  if (!after.success || checksum !== checksumOf(page, key, order.name)) throw foreignCursor();
  return { page, after: after.data };
}

function foreignCursor(): ApiError {
  return invalid('cursor', 'is none of this list with these filters');
}

function invalid(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', `${field}: ${message}`, { field });
}
