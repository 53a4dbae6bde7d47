import { recordAudit } from '@sv-sdk/audit';
import { hashPassword, insertUser } from '@sv-sdk/auth';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress, nameText, newPassword } from '../../schemas.ts';
import { requireGrantable } from './roles.ts';
import { userView, viewUser } from './view.ts';

export const createUser = itemEndpoint({
  method: 'post',
  path: '/api/v1/users',
  operationId: 'createUser',
  summary: 'Make a user',
  tag: 'users',
  access: 'principal',
  body: z.strictObject({
    email: emailAddress,
    name: nameText,
    password: newPassword.optional().meta({ description: 'Without one the user cannot sign in yet.' }),
    role: z.string().min(1).max(100).default('user'),
  }),
  status: 201,
  data: userView,
  errors: ['ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ services, principal, body, ipAddress }) {
    requirePermission(principal, 'create:any:user');
    // Before the transaction: no connection should wait for it.
    const passwordHash = body.password === undefined ? undefined : await hashPassword(body.password);
    const user = await services.db.withTx(
      async (tx) => {
        await requireGrantable(tx, principal, body.role);
        const inserted = await insertUser(tx, { ...body, passwordHash, grantedBy: principal.userId });
        if (inserted === undefined) {
          throw new ApiError('CONSTRAINT_VIOLATION', 'email: is taken', { field: 'email' });
        }
        await recordAudit(tx, {
          eventType: 'user.created',
          userId: principal.userId,
          ipAddress,
          metadata: { targetUserId: inserted.id, email: inserted.email, role: inserted.role },
        });
        return inserted;
      },
      { principalId: principal.userId },
    );
    return viewUser(user);
  },
});
