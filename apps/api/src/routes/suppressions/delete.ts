import { emailSuppressions } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';

export const deleteSuppression = itemEndpoint({
  method: 'delete',
  path: '/api/v1/suppressions/:id',
  operationId: 'deleteSuppression',
  summary: 'Send to an address again; what was held back meanwhile is not sent',
  tag: 'suppressions',
  access: 'principal',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND'],
  async handle({ principal, params, withTx }) {
    requireReadable(principal, 'suppression', null);
    await withTx(async (tx, audit) => {
      const [loaded] = await tx
        .delete(emailSuppressions)
        .where(eq(emailSuppressions.id, params.id))
        .returning();
      const deleted = requireVisible(principal, 'suppression', loaded, () => null);
      // Undone with the transaction where the caller may only read.
      requireAct(principal, 'delete', 'suppression', null);
      const { id: suppressionId, email, reason } = deleted;
      await audit('suppression.deleted', { suppressionId, email, reason });
    });
    return { id: params.id };
  },
});
