import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { moment } from '../../schemas.ts';
import { userView } from '../users/view.ts';

export const getSession = itemEndpoint({
  method: 'get',
  path: '/api/v1/auth/session',
  operationId: 'getSession',
  summary: 'Who is signed in, and what they may do',
  tag: 'auth',
  access: 'session',
  status: 200,
  data: z.strictObject({
    session: z.strictObject({ id: z.string(), expiresAt: moment.nullable() }),
    user: userView,
    permissions: z.array(z.string()),
  }),
  async handle({ services, principal }) {
    const user = await services.users.get(principal.userId);
    // Deleted since the session was looked up.
    if (user === undefined) throw new ApiError('SESSION_ERROR', 'The session has ended. Sign in again.');
    return {
      session: { id: principal.credentialId, expiresAt: principal.expiresAt?.toISOString() ?? null },
      user,
      permissions: [...principal.permissions],
    };
  },
});
