import { cancelEmail as cancel } from '@sv-sdk/email';
import { requireAct, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { idParams } from '../../schemas.ts';
import { loadEmail } from './load.ts';
import { emailView, viewEmail } from './view.ts';

export const cancelEmail = itemEndpoint({
  method: 'post',
  path: '/api/v1/emails/:id/cancel',
  operationId: 'cancelEmail',
  summary: 'Take an email back that was not sent yet',
  tag: 'emails',
  access: 'principal',
  params: idParams,
  status: 200,
  data: emailView,
  errors: ['NOT_FOUND', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, params, withTx }) {
    return withTx(async (tx, audit) => {
      const loaded = await loadEmail(tx, params.id);
      const email = requireVisible(principal, 'email', loaded, ({ requestedBy }) => requestedBy);
      requireAct(principal, 'update', 'email', email.requestedBy);
      const cancellation = await cancel(tx, email.id);
      const now = (await loadEmail(tx, email.id)) ?? email;
      if (cancellation === 'cancelled') await audit('email.cancelled', { emailId: email.id });
      // Who asks twice has what they want.
      else if (now.status !== 'cancelled') throw tooLate(now.status);
      return viewEmail(now);
    });
  },
});

function tooLate(status: string): ApiError {
  const why = status === 'queued' ? 'a worker has it in hand' : `it is ${status}`;
  return new ApiError('CONSTRAINT_VIOLATION', `The email can't be taken back: ${why}.`, { field: 'status' });
}
