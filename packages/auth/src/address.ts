import { createHash } from 'node:crypto';

/** SHA-256 in hexadecimal of an address in lower case: counts by address need not hold the address itself. */
export function hashAddress(email: string): string {
  return createHash('sha256').update(email.toLowerCase()).digest('hex');
}
