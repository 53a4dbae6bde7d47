import type { UserRow } from '@sv-sdk/auth';
import { type Db, type Tx, users } from '@sv-sdk/db';
import { and, eq, isNull } from 'drizzle-orm';

/** A living user by address or id, as commands name them; throws if there is none. */
export async function findUser(db: Db, addressOrId: string): Promise<UserRow> {
  const [user] = await db.select().from(users).where(named(addressOrId));
  return found(user, addressOrId);
}

/** The same, locked until the transaction ends, so that what is decided about it stays true. */
export async function lockUser(tx: Tx, addressOrId: string): Promise<UserRow> {
  const [user] = await tx.select().from(users).where(named(addressOrId)).for('update');
  return found(user, addressOrId);
}

function named(addressOrId: string) {
  const isNamed = addressOrId.includes('@')
    ? eq(users.email, addressOrId.toLowerCase())
    : eq(users.id, addressOrId);
  return and(isNamed, isNull(users.deletedAt));
}

function found(user: UserRow | undefined, addressOrId: string): UserRow {
  if (user === undefined) throw new Error(`there is no user ${addressOrId}`);
  return user;
}
