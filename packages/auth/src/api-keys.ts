import { createHash, randomBytes } from 'node:crypto';
import { apiKeys, type Tx } from '@sv-sdk/db';

export type ApiKeyRow = typeof apiKeys.$inferSelect;

const KEY_PREFIX = 'sv_';
const KEY_BYTES = 32;
/** Enough to tell keys apart in a list, and leaves 215 bits unknown. */
const SHOWN_LENGTH = 10;

/**
 * SHA-256 in hexadecimal, as api_keys.hash keeps it. A slow hash would protect nothing here: a key has 256
 * random bits, and it is checked at every request.
 */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** What is kept of a key: enough to show which it is, and to recognise it. */
export function storedKey(key: string): { prefix: string; hash: string } {
  return { prefix: key.slice(0, SHOWN_LENGTH), hash: hashApiKey(key) };
}

/** Makes a key for a user. The key itself is in the answer and nowhere else. */
export async function createApiKey(
  tx: Tx,
  options: { userId: string; name: string; scopes: string[] | null; expiresAt: Date | null },
): Promise<{ key: string; row: ApiKeyRow }> {
  const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
  const [row] = await tx
    .insert(apiKeys)
    .values({ ...options, ...storedKey(key) })
    .returning();
  if (row === undefined) throw new Error('the insert of an API key returned no row');
  return { key, row };
}
