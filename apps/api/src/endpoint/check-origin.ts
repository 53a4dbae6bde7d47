import type { CredentialSource } from '@sv-sdk/auth';
import type { Request } from 'express';
import { ApiError } from '../errors.ts';
import type { Services } from '../services.ts';

type OriginSettings = Pick<Services['settings'], 'baseUrl' | 'corsOrigins'>;

/**
 * Against requests that another site makes a browser send (CSRF): a change by cookie must name an origin of
 * ours. A browser always sends Origin with a POST, PATCH or DELETE, and a page can't forge it. What comes
 * with a header of its own (Bearer, X-API-Key) can't be made by a foreign page at all. Without a credential
 * (login) an origin may be missing, but must not be foreign, so that nobody is signed in as somebody else.
 */
export function checkOrigin(
  request: Request,
  source: CredentialSource | undefined,
  settings: OriginSettings,
  method = request.method,
): void {
  if (method === 'GET' || method === 'HEAD') return;
  if (source === 'api_key' || source === 'bearer') return;
  const origin = request.get('origin');
  const isFine = origin === undefined ? source === undefined : isOurs(origin, request.get('host'), settings);
  if (!isFine) throw new ApiError('PERMISSION_DENIED', 'The request does not come from an allowed origin.');
}

function isOurs(origin: string, host: string | undefined, settings: OriginSettings): boolean {
  if (settings.corsOrigins.includes(origin) || origin === new URL(settings.baseUrl).origin) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}
