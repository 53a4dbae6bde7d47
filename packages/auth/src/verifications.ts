import { createHash, randomBytes } from 'node:crypto';
import { type Tx, users, verifications } from '@sv-sdk/db';
import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import { hashAddress } from './address.ts';
import type { UserRow } from './users.ts';

/** What a token that is mailed to somebody is good for. */
export type VerificationKind = 'verify_email' | 'reset_password';

/** As the mails say. A mailbox that is read by others later must not open an account. */
const LIFETIME_SECONDS: Record<VerificationKind, number> = { verify_email: 24 * 3600, reset_password: 3600 };

const TOKEN_BYTES = 32;

/** A random token needs no slow hash. */
const hashToken = (token: string) => createHash('sha256').update(token).digest('hex');

/** The address is part of it: a token that was mailed to an address proves nothing about the next one. */
const identifierOf = (kind: VerificationKind, user: Pick<UserRow, 'id' | 'email'>) =>
  `${kind}:${user.id}:${hashAddress(user.email)}`;

/** A new token, 256 bits, to be mailed to the user; the one before of its kind is worth nothing any more. */
export async function issueVerification(
  tx: Tx,
  kind: VerificationKind,
  user: Pick<UserRow, 'id' | 'email'>,
): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const issued = {
    value: hashToken(token),
    expiresAt: new Date(Date.now() + LIFETIME_SECONDS[kind] * 1000),
  };
  await tx
    .insert(verifications)
    .values({ identifier: identifierOf(kind, user), ...issued })
    .onConflictDoUpdate({ target: verifications.identifier, set: issued });
  return token;
}

/**
 * Takes a token, once: of many at the same time one gets the user. Undefined where the token is unknown, used,
 * replaced, expired or of another kind, or its user is inactive, deleted, or has another address by now; then
 * roll back, as the token of another kind is still good for that.
 */
export async function redeemVerification(
  tx: Tx,
  kind: VerificationKind,
  token: string,
): Promise<UserRow | undefined> {
  const [redeemed] = await tx
    .delete(verifications)
    .where(and(eq(verifications.value, hashToken(token)), gt(verifications.expiresAt, sql`now()`)))
    .returning({ identifier: verifications.identifier });
  const userId = redeemed?.identifier.split(':')[1];
  if (redeemed === undefined || userId === undefined) return undefined;
  const [user] = await tx
    .select()
    .from(users)
    .where(and(eq(users.id, userId), eq(users.isActive, true), isNull(users.deletedAt)))
    .for('update');
  return user !== undefined && identifierOf(kind, user) === redeemed.identifier ? user : undefined;
}

/** Makes the user's token of this kind worth nothing, if there is one. */
export async function revokeVerification(
  tx: Tx,
  kind: VerificationKind,
  user: Pick<UserRow, 'id' | 'email'>,
): Promise<void> {
  await tx.delete(verifications).where(eq(verifications.identifier, identifierOf(kind, user)));
}
