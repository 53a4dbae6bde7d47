import { type Tx, users } from '@sv-sdk/db';
import { and, eq, isNull } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { asIf } from './as-if.ts';
import { insertUser, type UserRow } from './users.ts';
import { issueVerification } from './verifications.ts';

/** Who has this address now; deleted users don't count. */
export async function findUserByEmail(tx: Tx, email: string): Promise<UserRow | undefined> {
  const [user] = await tx
    .select()
    .from(users)
    .where(and(eq(users.email, email.toLowerCase()), isNull(users.deletedAt)));
  return user;
}

export interface SignUp {
  /** The new user; where the address is taken, one who looks like it and isn't there. */
  readonly user: UserRow;
  /** For the mail that proves the address; worth nothing where it is taken. */
  readonly verificationToken: string;
  /** Who has the address; undefined: it was free. */
  readonly owner: UserRow | undefined;
}

/**
 * Makes a user with the role `user` and a token for the verification of the address, or finds who has the
 * address. Both run the same statements: for an address that is taken all is done for another, and undone.
 */
export async function signUp(
  tx: Tx,
  input: { email: string; name: string; passwordHash: string },
): Promise<SignUp> {
  const owner = await findUserByEmail(tx, input.email);
  const made = await asIf(owner === undefined, tx, (inner) => makeUser(inner, input, owner !== undefined));
  if (made !== undefined) return { ...made, owner };
  // Another sign-up with the same address was committed in between.
  const winner = await findUserByEmail(tx, input.email);
  const decoy = await asIf(false, tx, (inner) => makeUser(inner, input, true));
  if (winner === undefined || decoy === undefined)
    throw new Error('an address was taken and belongs to nobody');
  return { ...decoy, owner: winner };
}

async function makeUser(
  tx: Tx,
  input: { email: string; name: string; passwordHash: string },
  isDecoy: boolean,
): Promise<{ user: UserRow; verificationToken: string } | undefined> {
  const user = await insertUser(tx, {
    email: isDecoy ? `${uuidv7()}@nobody.invalid` : input.email,
    name: input.name,
    role: 'user',
    passwordHash: input.passwordHash,
    grantedBy: null,
  });
  if (user === undefined) return undefined;
  const verificationToken = await issueVerification(tx, 'verify_email', user);
  return { user: { ...user, email: input.email.toLowerCase() }, verificationToken };
}
