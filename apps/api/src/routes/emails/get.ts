import { emailSends } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { emailView, viewEmail } from './view.ts';

export const getEmail = itemEndpoint({
  method: 'get',
  path: '/api/v1/emails/:id',
  operationId: 'getEmail',
  summary: 'What became of an email',
  tag: 'emails',
  access: 'principal',
  params: idParams,
  status: 200,
  data: emailView,
  errors: ['NOT_FOUND'],
  async handle({ services, principal, params }) {
    const db = await services.db.read(principal.userId);
    const [loaded] = await db.select().from(emailSends).where(eq(emailSends.id, params.id));
    return viewEmail(requireVisible(principal, 'email', loaded, ({ requestedBy }) => requestedBy));
  },
});
