import { createHash } from 'node:crypto';

/**
 * SHA-256 of the token's text in hexadecimal, as sessions.token and the cache's keys hold it, so that neither
 * opens a door. A slow hash would protect nothing: a token is random, and it is checked at every request.
 */
export function hashSessionToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
