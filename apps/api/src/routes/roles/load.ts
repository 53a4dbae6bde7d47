import { type Db, roles, type Tx } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import type { RoleRow } from './view.ts';

export async function loadRole(db: Db | Tx, id: string): Promise<RoleRow | undefined> {
  const [role] = await db.select().from(roles).where(eq(roles.id, id));
  return role;
}

/** The same for who will change it: until the transaction ends nobody else changes, grants or deletes it. */
export async function lockRole(tx: Tx, id: string): Promise<RoleRow | undefined> {
  const [role] = await tx.select().from(roles).where(eq(roles.id, id)).for('update');
  return role;
}

/** For who will grant it: until the transaction ends it stays what it is, and others can grant it too. */
export async function holdRole(tx: Tx, name: string): Promise<RoleRow | undefined> {
  const [role] = await tx.select().from(roles).where(eq(roles.name, name)).for('share');
  return role;
}
