import { roles, userRoles } from '@sv-sdk/db';
import { and, count, desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import { requirePermission, requireReadable, requireVisible } from '../../../authorise.ts';
import { listEndpoint } from '../../../endpoint/endpoint.ts';
import {
  cursorParameters,
  isAfter,
  newestFirst,
  offsetOf,
  pageRequestOf,
  paginate,
} from '../../../pagination.ts';
import { idParams } from '../../../schemas.ts';
import { loadUser } from '../load.ts';
import { grantView, viewGrant } from './view.ts';

export const listUserRoles = listEndpoint({
  method: 'get',
  path: '/api/v1/users/:id/roles',
  operationId: 'listUserRoles',
  summary: "A user's roles, latest granted first",
  tag: 'roles',
  access: 'principal',
  params: idParams,
  query: z.strictObject(cursorParameters),
  status: 200,
  data: grantView,
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params, query }) {
    requireReadable(principal, 'user', params.id);
    const request = pageRequestOf(query, newestFirst('user roles', { userId: params.id }));
    const db = await services.db.read(principal.userId);
    const user = requireVisible(principal, 'user', await loadUser(db, params.id), ({ id }) => id);
    // One's own roles say no more than what one may do, which everybody can try.
    if (user.id !== principal.userId) requirePermission(principal, 'read:any:permission');

    const ofUser = eq(userRoles.userId, user.id);
    const [rows, [total]] = await Promise.all([
      db
        .select({ grant: userRoles, role: roles, createdAt: userRoles.grantedAt, id: userRoles.roleId })
        .from(userRoles)
        .innerJoin(roles, eq(roles.id, userRoles.roleId))
        .where(and(ofUser, isAfter(userRoles.grantedAt, userRoles.roleId, request.after)))
        .orderBy(desc(userRoles.grantedAt), desc(userRoles.roleId))
        .limit(request.pageSize + 1)
        .offset(offsetOf(request)),
      db.select({ count: count() }).from(userRoles).where(ofUser),
    ]);
    const { items, pagination } = paginate(rows, request, total?.count ?? 0);
    return { items: items.map(({ grant, role }) => viewGrant(grant, role, user)), pagination };
  },
});
