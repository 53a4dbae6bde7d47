import { requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { loadTemplate } from './load.ts';
import { templateView, viewTemplate } from './view.ts';

export const getTemplate = itemEndpoint({
  method: 'get',
  path: '/api/v1/templates/:id',
  operationId: 'getTemplate',
  summary: 'One version of a template',
  tag: 'templates',
  access: 'principal',
  params: idParams,
  status: 200,
  data: templateView,
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params }) {
    requireReadable(principal, 'template', null);
    const db = await services.db.read(principal.userId);
    return viewTemplate(requireVisible(principal, 'template', await loadTemplate(db, params.id), () => null));
  },
});
