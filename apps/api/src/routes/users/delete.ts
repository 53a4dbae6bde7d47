import { deleteUser as deleteUserRow } from '@sv-sdk/auth';
import { z } from 'zod';
import { requireAct, requireReadable } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { lockVisibleUser, requireNotAbove, requireNotLastSuperAdmin } from './rules.ts';

export const deleteUser = itemEndpoint({
  method: 'delete',
  path: '/api/v1/users/:id',
  operationId: 'deleteUser',
  summary: 'Delete a user',
  tag: 'users',
  access: 'principal',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND', 'CONSTRAINT_VIOLATION'],
  /** Soft: the row stays for what refers to it, and is invisible. Sessions and keys end for good. */
  async handle({ principal, params, withTx }) {
    requireReadable(principal, 'user', params.id);
    await withTx(async (tx, audit) => {
      const user = await lockVisibleUser(tx, principal, params.id);
      requireAct(principal, 'delete', 'user', user.id);
      await requireNotAbove(tx, principal, user.id);
      await requireNotLastSuperAdmin(tx, user.id);

      await audit('user.deleted', { targetUserId: user.id, ...(await deleteUserRow(tx, user.id)) });
    });
    return { id: params.id };
  },
});
