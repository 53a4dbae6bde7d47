import type { IncomingHttpHeaders } from 'node:http';
import type { Auth, Identification, Principal } from '@sv-sdk/auth';
import { ApiError } from '../errors.ts';
import type { Access } from './endpoint.ts';

/** Who calls. Public endpoints look at no credential. */
export async function identify(
  auth: Auth,
  access: Access,
  headers: IncomingHttpHeaders,
): Promise<Identification> {
  return access === 'public' ? { outcome: 'anonymous' } : auth.identify(headers);
}

/** The caller's principal, undefined on a public endpoint; throws where the caller is not let in. */
export function requireAccess(access: Access, caller: Identification): Principal | undefined {
  if (access === 'public') return undefined;
  switch (caller.outcome) {
    case 'anonymous':
      throw new ApiError('AUTHENTICATION_ERROR', 'Sign in, or send an API key.');
    case 'refused':
      throw caller.source === 'api_key'
        ? new ApiError('AUTHENTICATION_ERROR', 'The API key is not valid.')
        : new ApiError('SESSION_ERROR', 'The session is not valid, or it has ended. Sign in again.');
    case 'identified':
      if (access === 'session' && caller.principal.kind !== 'session') {
        throw new ApiError('PERMISSION_DENIED', 'This needs a session; an API key is not enough.');
      }
      return caller.principal;
  }
}
