import { requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { loadUser } from './load.ts';
import { userView, viewUser } from './view.ts';

export const getUser = itemEndpoint({
  method: 'get',
  path: '/api/v1/users/:id',
  operationId: 'getUser',
  summary: 'One user',
  tag: 'users',
  access: 'principal',
  params: idParams,
  status: 200,
  data: userView,
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params }) {
    const db = await services.db.read(principal.userId);
    const user = requireVisible(principal, 'user', await loadUser(db, params.id), ({ id }) => id);
    return viewUser(user);
  },
});
