import { accounts, type Db, type Tx } from '@sv-sdk/db';
import { and, eq } from 'drizzle-orm';

/** better-auth's name for an address with a password. */
const PROVIDER_ID = 'credential';

const isPasswordOf = (userId: string) =>
  and(eq(accounts.userId, userId), eq(accounts.providerId, PROVIDER_ID));

/** The hash of a user's password; undefined: there is none, the user signs in otherwise or not at all. */
export async function findPasswordHash(db: Db, userId: string): Promise<string | undefined> {
  const [found] = await db
    .select({ passwordHash: accounts.password })
    .from(accounts)
    .where(isPasswordOf(userId));
  return found?.passwordHash ?? undefined;
}

/** Whether this is the user's password still; if so, nobody changes it before the end of the transaction. */
export async function holdPassword(
  tx: Tx,
  userId: string,
  passwordHash: string | undefined,
): Promise<boolean> {
  if (passwordHash === undefined) return false;
  const held = await tx
    .select({ id: accounts.id })
    .from(accounts)
    .where(and(isPasswordOf(userId), eq(accounts.password, passwordHash)))
    .for('share');
  return held.length > 0;
}

/** The account in the form that better-auth reads. */
export async function setPassword(tx: Tx, userId: string, passwordHash: string): Promise<void> {
  await tx
    .insert(accounts)
    .values({ userId, accountId: userId, providerId: PROVIDER_ID, password: passwordHash })
    .onConflictDoUpdate({
      target: [accounts.providerId, accounts.accountId],
      set: { password: passwordHash, updatedAt: new Date() },
    });
}

/** False where the password is another than `from` by now: of two changes at the same time one wins. */
export async function replacePassword(
  tx: Tx,
  userId: string,
  passwordHash: { from: string; to: string },
): Promise<boolean> {
  const replaced = await tx
    .update(accounts)
    .set({ password: passwordHash.to })
    .where(and(isPasswordOf(userId), eq(accounts.password, passwordHash.from)))
    .returning({ id: accounts.id });
  return replaced.length > 0;
}
