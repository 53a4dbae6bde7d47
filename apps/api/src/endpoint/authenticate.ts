import type { Auth, CredentialSource, Principal } from '@sv-sdk/auth';
import type { Request } from 'express';
import { ApiError } from '../errors.ts';
import type { Access } from './endpoint.ts';

export interface Caller {
  readonly principal: Principal | undefined;
  readonly source: CredentialSource | undefined;
}

/** Who calls; throws where the endpoint needs to know and can't. Public endpoints look at no credential. */
export async function authenticate(auth: Auth, access: Access, request: Request): Promise<Caller> {
  if (access === 'public') return { principal: undefined, source: undefined };
  const identification = await auth.identify(request.headers);
  switch (identification.outcome) {
    case 'anonymous':
      throw new ApiError('AUTHENTICATION_ERROR', 'Sign in, or send an API key.');
    case 'refused':
      throw identification.source === 'api_key'
        ? new ApiError('AUTHENTICATION_ERROR', 'The API key is not valid.')
        : new ApiError('SESSION_ERROR', 'The session is not valid, or it has ended. Sign in again.');
    case 'identified': {
      const { principal, source } = identification;
      if (access === 'session' && principal.kind !== 'session') {
        throw new ApiError('PERMISSION_DENIED', 'This needs a session; an API key is not enough.');
      }
      return { principal, source };
    }
  }
}
