/**
 * What the baselines answer: the first page of the users, by the two statements that the platform sends for it
 * (regression.integration.test.ts proves that they are the same), and in the same shape but for `meta`.
 */
import type { Pool } from 'pg';

const PAGE_SIZE = 20;

/** The ids first, then their rows, and one row more than the page. */
export const PAGE_STATEMENT =
  'select "id", "email", "email_verified", "name", "image", "role", "is_active", "last_login_at", "created_at", "updated_at", "deleted_at" from "auth"."users" where "auth"."users"."id" in (select "id" from "auth"."users" where "auth"."users"."deleted_at" is null order by "auth"."users"."created_at" desc, "auth"."users"."id" desc limit $1) order by "auth"."users"."created_at" desc, "auth"."users"."id" desc';
export const COUNT_STATEMENT = 'select coalesce(sum("live"), 0) from "auth"."user_counts"';

interface Row {
  readonly id: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string;
  readonly image: string | null;
  readonly role: string;
  readonly is_active: boolean;
  readonly last_login_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export async function listUsers(pool: Pool) {
  const [{ rows }, { rows: counts }] = await Promise.all([
    pool.query<Row>(PAGE_STATEMENT, [PAGE_SIZE + 1]),
    pool.query<{ coalesce: string }>(COUNT_STATEMENT),
  ]);
  const totalCount = Number(counts[0]?.coalesce);
  return {
    success: true,
    data: rows.slice(0, PAGE_SIZE).map((row) => ({
      id: row.id,
      email: row.email,
      emailVerified: row.email_verified,
      name: row.name,
      image: row.image,
      role: row.role,
      isActive: row.is_active,
      lastLoginAt: row.last_login_at,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    })),
    pagination: {
      page: 1,
      pageSize: PAGE_SIZE,
      totalPages: Math.ceil(totalCount / PAGE_SIZE),
      totalCount,
      totalCountIsExact: true,
      hasNextPage: rows.length > PAGE_SIZE,
      hasPreviousPage: false,
    },
  };
}
