import { roles } from '@sv-sdk/db';
import { count, desc } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import { pageParameters, pageRequestOf, paginate } from '../../pagination.ts';
import { moment } from '../../schemas.ts';

const roleView = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    permissions: z.array(z.string()),
    isSystem: z.boolean(),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({ id: 'Role' });

export const listRoles = listEndpoint({
  method: 'get',
  path: '/api/v1/roles',
  operationId: 'listRoles',
  summary: 'Roles, newest first',
  tag: 'roles',
  access: 'principal',
  query: z.strictObject(pageParameters),
  status: 200,
  data: roleView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:role');
    const request = pageRequestOf(query);
    const db = await services.db.read(principal.userId);
    const [rows, [total]] = await Promise.all([
      db
        .select()
        .from(roles)
        .orderBy(desc(roles.createdAt), desc(roles.id))
        .limit(request.pageSize + 1)
        .offset((request.page - 1) * request.pageSize),
      db.select({ count: count() }).from(roles),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    const view = (role: (typeof items)[number]) => ({
      ...role,
      createdAt: role.createdAt.toISOString(),
      updatedAt: role.updatedAt.toISOString(),
    });
    // No cursor is taken here: roles are few.
    return { items: items.map(view), pagination: { ...pagination, nextCursor: null } };
  },
});
