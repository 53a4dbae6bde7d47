import { z } from 'zod';
import type { Pagination } from './envelope.ts';
import { ApiError } from './errors.ts';
import { integerParameter } from './schemas.ts';

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
const MAX_PAGE = 1_000_000;

/** The query parameters of a list by pages. */
export const pageParameters = {
  page: integerParameter(1, MAX_PAGE).optional(),
  pageSize: integerParameter(1, MAX_PAGE_SIZE).optional(),
};

/** The same, and a cursor in place of `page`. */
export const cursorParameters = {
  ...pageParameters,
  cursor: z.string().min(1).max(500).optional(),
};

/** The place after a row in the order (createdAt, id), newest first, and the page that begins there. */
export interface Position {
  readonly createdAt: Date;
  readonly id: string;
  readonly page: number;
}

export interface PageRequest {
  readonly page: number;
  readonly pageSize: number;
  /** Where a cursor says to go on; else `page` counts from the start. */
  readonly after: Position | undefined;
}

const cursorContent = z.tuple([z.int().min(0).max(8.64e15), z.string().min(1).max(64), z.int().min(2)]);

/** Which page a query asks for. A cursor stays right while rows come and go, and costs the same on page 50,000. */
export function pageRequestOf(query: {
  page?: number | undefined;
  pageSize?: number | undefined;
  cursor?: string | undefined;
}): PageRequest {
  const { pageSize = DEFAULT_PAGE_SIZE } = query;
  if (query.cursor === undefined) return { page: query.page ?? 1, pageSize, after: undefined };
  if (query.page !== undefined) throw invalid('page', 'cannot be combined with cursor');
  const after = decodeCursor(query.cursor);
  return { page: after.page, pageSize, after };
}

/**
 * Cuts what was read, one row more than a page, to the page, and says where it stands.
 */
export function paginate<T extends { createdAt: Date; id: string }>(
  rows: readonly T[],
  request: PageRequest,
  totalCount: number,
): { items: T[]; pagination: Pagination } {
  const { page, pageSize } = request;
  const items = rows.slice(0, pageSize);
  const hasNextPage = rows.length > pageSize;
  const last = items.at(-1);
  return {
    items,
    pagination: {
      page,
      pageSize,
      totalPages: Math.ceil(totalCount / pageSize),
      totalCount,
      hasNextPage,
      hasPreviousPage: page > 1,
      nextCursor: hasNextPage && last !== undefined ? encodeCursor({ ...last, page: page + 1 }) : null,
    },
  };
}

function encodeCursor({ createdAt, id, page }: Position): string {
  return Buffer.from(JSON.stringify([createdAt.getTime(), id, page])).toString('base64url');
}

function decodeCursor(cursor: string): Position {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw invalid('cursor', 'is not one of ours');
  }
  const result = cursorContent.safeParse(content);
  if (!result.success) throw invalid('cursor', 'is not one of ours');
  const [createdAtMs, id, page] = result.data;
  return { createdAt: new Date(createdAtMs), id, page };
}

function invalid(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', `${field}: ${message}`, { field });
}
