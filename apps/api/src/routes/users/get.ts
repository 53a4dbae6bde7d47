import { requireReadable } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { notFound } from '../../errors.ts';
import { idParams } from '../../schemas.ts';
import { userView } from './view.ts';

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
    // Before anything is looked up: a hit in the cache and a query that finds nothing differ in time.
    requireReadable(principal, 'user', params.id);
    const user = await services.users.get(params.id);
    if (user === undefined) throw notFound();
    return user;
  },
});
