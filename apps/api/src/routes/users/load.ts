import type { UserRow } from '@sv-sdk/auth';
import { type Db, type Tx, users } from '@sv-sdk/db';
import { and, eq, isNull } from 'drizzle-orm';

/** A user who wasn't deleted. */
export async function loadUser(db: Db, id: string): Promise<UserRow | undefined> {
  const [user] = await db.select().from(users).where(liveUser(id));
  return user;
}

/** The same, locked until the transaction ends, so that what is decided about it stays true. */
export async function lockUser(tx: Tx, id: string): Promise<UserRow | undefined> {
  const [user] = await tx.select().from(users).where(liveUser(id)).for('update');
  return user;
}

function liveUser(id: string) {
  return and(eq(users.id, id), isNull(users.deletedAt));
}
