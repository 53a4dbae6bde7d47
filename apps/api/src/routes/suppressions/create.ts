import { addSuppressions } from '@sv-sdk/email';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress, printableText } from '../../schemas.ts';
import { suppressionView, viewSuppression } from './view.ts';

export const createSuppression = itemEndpoint({
  method: 'post',
  path: '/api/v1/suppressions',
  operationId: 'createSuppression',
  summary: 'Send nothing to an address any more, not even what is queued',
  tag: 'suppressions',
  access: 'principal',
  body: z.strictObject({ email: emailAddress, detail: printableText.min(1).max(500).optional() }),
  status: 201,
  data: suppressionView,
  errors: ['CONSTRAINT_VIOLATION'],
  async handle({ principal, body, withTx }) {
    requirePermission(principal, 'create:any:suppression');
    const suppression = await withTx(async (tx, audit) => {
      const [added] = await addSuppressions(tx, [{ ...body, reason: 'manual', createdBy: principal.userId }]);
      if (added === undefined) {
        throw new ApiError('CONSTRAINT_VIOLATION', 'email: is suppressed already', { field: 'email' });
      }
      await audit('suppression.created', { suppressionId: added.id, email: added.email });
      return added;
    });
    return viewSuppression(suppression);
  },
});
