import { hashPassword, insertUser } from '@sv-sdk/auth';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress, nameText, newPassword, roleName } from '../../schemas.ts';
import { requireGrantable } from '../roles/rules.ts';
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
    emailVerified: z
      .boolean()
      .default(true)
      .meta({ description: 'true: you vouch for the address. false: it has to be verified by mail.' }),
    name: nameText,
    password: newPassword.optional().meta({ description: 'Without one the user cannot sign in yet.' }),
    role: roleName.default('user'),
  }),
  status: 201,
  data: userView,
  errors: ['ROLE_ERROR', 'CONSTRAINT_VIOLATION'],
  async handle({ principal, body, withTx }) {
    requirePermission(principal, 'create:any:user');
    // Before the transaction: no connection should wait for it.
    const passwordHash = body.password === undefined ? undefined : await hashPassword(body.password);
    const user = await withTx(async (tx, audit) => {
      await requireGrantable(tx, principal, body.role);
      const inserted = await insertUser(tx, {
        email: body.email,
        emailVerified: body.emailVerified,
        name: body.name,
        role: body.role,
        passwordHash,
        grantedBy: principal.userId,
      });
      if (inserted === undefined) {
        throw new ApiError('CONSTRAINT_VIOLATION', 'email: is taken', { field: 'email' });
      }
      await audit('user.created', {
        targetUserId: inserted.id,
        email: inserted.email,
        emailVerified: inserted.emailVerified,
        role: inserted.role,
      });
      return inserted;
    });
    return viewUser(user);
  },
});
