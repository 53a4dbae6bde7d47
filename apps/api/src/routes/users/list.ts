import { users } from '@sv-sdk/db';
import { and, count, desc, eq, isNull, like, or, sql } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import { cursorParameters, pageRequestOf, paginate } from '../../pagination.ts';
import { userView, viewUser } from './view.ts';

export const listUsers = listEndpoint({
  method: 'get',
  path: '/api/v1/users',
  operationId: 'listUsers',
  summary: 'Users, newest first',
  tag: 'users',
  access: 'principal',
  query: z.strictObject({
    ...cursorParameters,
    search: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'The beginning of a name or an address.' }),
    role: z.string().min(1).max(100).optional(),
  }),
  status: 200,
  data: userView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:user');
    const request = pageRequestOf(query);
    const { after, page, pageSize } = request;
    const db = await services.db.read(principal.userId);

    const wanted = and(
      isNull(users.deletedAt),
      query.role === undefined ? undefined : eq(users.role, query.role),
      query.search === undefined ? undefined : startsWith(query.search),
    );
    // Row comparison, so that one index scan finds the place.
    const afterCursor =
      after &&
      sql`(${users.createdAt}, ${users.id}) < (${after.createdAt.toISOString()}::timestamptz, ${after.id})`;
    const [rows, [total]] = await Promise.all([
      db
        .select()
        .from(users)
        .where(and(wanted, afterCursor))
        .orderBy(desc(users.createdAt), desc(users.id))
        .limit(pageSize + 1)
        .offset(after === undefined ? (page - 1) * pageSize : 0),
      db.select({ count: count() }).from(users).where(wanted),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    return { items: items.map(viewUser), pagination };
  },
});

function startsWith(search: string) {
  const pattern = `${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  return or(like(users.email, pattern), like(sql`lower(${users.name})`, pattern));
}
