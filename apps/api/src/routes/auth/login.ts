import { recordAudit } from '@sv-sdk/audit';
import { MAX_PASSWORD_LENGTH } from '@sv-sdk/auth';
import { z } from 'zod';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { emailAddress, moment } from '../../schemas.ts';
import { userView, viewUser } from '../users/view.ts';
import { accountLocked } from './locked.ts';

export const login = itemEndpoint({
  method: 'post',
  path: '/api/v1/auth/login',
  operationId: 'login',
  summary: 'Sign in',
  tag: 'auth',
  access: 'public',
  limit: 'signIn',
  body: z.strictObject({ email: emailAddress, password: z.string().min(1).max(MAX_PASSWORD_LENGTH) }),
  status: 200,
  data: z.strictObject({
    token: z.string().meta({ description: 'For Authorization: Bearer; the cookie holds it, too.' }),
    expiresAt: moment,
    user: userView,
  }),
  errors: ['AUTHENTICATION_ERROR', 'ACCOUNT_LOCKED'],
  async handle({ services, body, ipAddress, userAgent, setCookie }) {
    const { email } = body;
    const result = await services.auth.signIn({ ...body, ipAddress, userAgent }, (tx, { session, user }) =>
      recordAudit(tx, {
        eventType: 'auth.login',
        userId: user.id,
        ipAddress,
        metadata: { sessionId: session.id },
      }),
    );
    if (result.outcome === 'locked') throw accountLocked(result, 'auth.login.refused', { email });
    if (result.outcome === 'refused') {
      throw new ApiError('AUTHENTICATION_ERROR', 'The address or the password is wrong.', {
        refusal: { eventType: 'auth.login.refused', metadata: { email, reason: result.reason } },
      });
    }
    for (const cookie of result.cookies) setCookie(cookie);
    return {
      token: result.token,
      expiresAt: result.session.expiresAt.toISOString(),
      user: viewUser(result.user),
    };
  },
});
