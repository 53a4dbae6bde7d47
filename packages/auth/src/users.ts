import { keysOfUser } from '@sv-sdk/cache';
import { markStale, type Tx, users } from '@sv-sdk/db';
import { grantRole } from '@sv-sdk/permissions';
import { sql } from 'drizzle-orm';
import { setPassword } from './credentials.ts';

export type UserRow = typeof users.$inferSelect;

/**
 * Inserts a user with its role and, given a hash, the password account in the form that better-auth reads.
 * Undefined if a living user has the address already; so two sign-ups at once need no lock.
 */
export async function insertUser(
  tx: Tx,
  options: {
    email: string;
    name: string;
    role: string;
    passwordHash?: string | undefined;
    emailVerified?: boolean;
    grantedBy: string | null;
  },
): Promise<UserRow | undefined> {
  const [user] = await tx
    .insert(users)
    .values({
      email: options.email.toLowerCase(),
      name: options.name,
      role: options.role,
      emailVerified: options.emailVerified ?? false,
    })
    .onConflictDoNothing({ target: users.email, where: sql`deleted_at is null` })
    .returning();
  if (user === undefined) return undefined;
  if (options.passwordHash !== undefined) {
    await setPassword(tx, user.id, options.passwordHash);
  }
  await grantRole(tx, { userId: user.id, role: options.role, grantedBy: options.grantedBy });
  await markStale(tx, keysOfUser(user.id, user.role));
  return user;
}
