import { hashPassword, insertUser } from '@sv-sdk/auth';
import { type Database, users } from '@sv-sdk/db';
import { and, inArray, isNull } from 'drizzle-orm';
import { generatePassword } from './passwords.ts';
import { recordCommand } from './platform.ts';

/** One of each role below the first administrator. example.org is reserved (RFC 2606). */
const ACCOUNTS = [
  { email: 'demo-admin@example.org', name: 'Demo Admin', role: 'admin' },
  { email: 'demo-manager@example.org', name: 'Demo Manager', role: 'manager' },
  { email: 'demo-user@example.org', name: 'Demo User', role: 'user' },
] as const;

export interface DemoAccount {
  readonly email: string;
  readonly role: string;
  /** Null: the account was there already, and nobody knows its password but who was told. */
  readonly password: string | null;
}

/** Makes those that are not there, with new passwords. */
export async function makeDemoAccounts(db: Database): Promise<DemoAccount[]> {
  const emails = ACCOUNTS.map(({ email }) => email);
  const there = await db
    .write()
    .select({ email: users.email })
    .from(users)
    .where(and(inArray(users.email, emails), isNull(users.deletedAt)));
  const wanted = await Promise.all(
    ACCOUNTS.map(async (account) => {
      if (there.some(({ email }) => email === account.email)) return { ...account, password: null };
      const password = generatePassword();
      return { ...account, password, passwordHash: await hashPassword(password) };
    }),
  );
  return await db.withTx(async (tx) => {
    const accounts: DemoAccount[] = [];
    for (const { email, name, role, ...secret } of wanted) {
      const user =
        'passwordHash' in secret
          ? await insertUser(tx, {
              ...{ email, name, role, emailVerified: true, grantedBy: null },
              passwordHash: secret.passwordHash,
            })
          : undefined;
      if (user !== undefined) {
        await recordCommand(tx, 'dev setup', {
          eventType: 'user.created',
          metadata: { targetUserId: user.id, email, role },
        });
      }
      accounts.push({ email, role, password: user === undefined ? null : secret.password });
    }
    return accounts;
  });
}
