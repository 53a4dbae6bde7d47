import { requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { loadRole } from './load.ts';
import { roleView, viewRole } from './view.ts';

export const getRole = itemEndpoint({
  method: 'get',
  path: '/api/v1/roles/:id',
  operationId: 'getRole',
  summary: 'One role',
  tag: 'roles',
  access: 'principal',
  params: idParams,
  status: 200,
  data: roleView,
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params }) {
    requireReadable(principal, 'role', null);
    const db = await services.db.read(principal.userId);
    return viewRole(requireVisible(principal, 'role', await loadRole(db, params.id), () => null));
  },
});
