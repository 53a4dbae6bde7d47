import { roles } from '@sv-sdk/db';
import { count, desc } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import {
  cursorParameters,
  isAfter,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../pagination.ts';
import { roleView, viewRole } from './view.ts';

export const listRoles = listEndpoint({
  method: 'get',
  path: '/api/v1/roles',
  operationId: 'listRoles',
  summary: 'Roles, newest first',
  tag: 'roles',
  access: 'principal',
  query: z.strictObject(cursorParameters),
  status: 200,
  data: roleView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:role');
    const request = pageRequestOf(query, newestFirst('roles'));
    const db = await services.db.read(principal.userId);
    const [rows, [total]] = await Promise.all([
      db
        .select()
        .from(roles)
        .where(isAfter(roles.createdAt, roles.id, request.after))
        .orderBy(desc(roles.createdAt), desc(roles.id))
        .limit(request.pageSize + 1)
        .offset(offsetOf(request)),
      // People make roles by hand: they are few.
      db.select({ count: count() }).from(roles),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    return { items: items.map(viewRole), pagination };
  },
});
