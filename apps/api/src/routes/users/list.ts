import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { listEndpoint } from '../../endpoint/endpoint.ts';
import { COUNT_CAP, cursorParameters, pageRequestOf, paginate } from '../../pagination.ts';
import { printableText, roleName } from '../../schemas.ts';
import { isFirstPage, newestUsersFirst, readUserPage } from './first-page.ts';
import { countMatches, matchesFirst, readMatches } from './search.ts';
import { userView, viewUser } from './view.ts';

export const listUsers = listEndpoint({
  method: 'get',
  path: '/api/v1/users',
  operationId: 'listUsers',
  summary: 'Users, newest first, or those that a search finds',
  tag: 'users',
  access: 'principal',
  query: z.strictObject({
    ...cursorParameters,
    search: printableText
      .trim()
      .min(1)
      .max(200)
      .optional()
      .meta({
        description: `The beginning of an address or a name, in any case. Answers those whose address begins so, by address, then those whose name does, by name. Counted up to ${COUNT_CAP} (\`totalCountIsExact\`).`,
      }),
    role: roleName.optional().meta({ description: 'The name of the main role.' }),
  }),
  status: 200,
  data: userView,
  async handle({ services, principal, query }) {
    requirePermission(principal, 'read:any:user');
    const { search, role } = query;
    if (search === undefined) {
      const request = pageRequestOf(query, newestUsersFirst(role));
      const kept = isFirstPage(request) ? await services.firstUserPages.get(role) : undefined;
      return kept ?? readUserPage(await services.db.read(principal.userId), role, request);
    }
    const request = pageRequestOf(query, matchesFirst({ search, role }));
    const db = await services.db.read(principal.userId);
    const [rows, total] = await Promise.all([
      readMatches(db, { search, role }, request),
      countMatches(db, { search, role }),
    ]);
    const { items, pagination } = paginate(rows, request, total);
    return { items: items.map(({ user }) => viewUser(user)), pagination };
  },
});
