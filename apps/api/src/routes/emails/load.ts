import { type Db, emailSends, type Tx } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import type { EmailRow } from './view.ts';

export async function loadEmail(db: Db | Tx, id: string): Promise<EmailRow | undefined> {
  const [email] = await db.select().from(emailSends).where(eq(emailSends.id, id));
  return email;
}
