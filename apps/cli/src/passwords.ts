import { randomInt } from 'node:crypto';
import { MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from '@sv-sdk/auth';
import { UsageError } from './output.ts';
import { ask, isSomebodyThere, readInput } from './prompt.ts';

/** Without letters and digits that look alike. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const GROUPS = 4;
const GROUP_LENGTH = 6;

/** Four groups of six characters: 139 bits, as `make up` makes them. */
export function generatePassword(): string {
  const group = () =>
    Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: GROUPS }, group).join('-');
}

/** The password as it is wanted: generated, from standard input, or typed twice on the terminal. */
export async function newPassword(from: { generate?: boolean; passwordStdin?: boolean }): Promise<string> {
  if (from.generate && from.passwordStdin) {
    throw new UsageError('--generate and --password-stdin exclude each other');
  }
  if (from.generate) return generatePassword();
  if (from.passwordStdin) return checked(await readInput());
  if (!isSomebodyThere()) {
    throw new UsageError('--password-stdin or --generate is needed where nobody can be asked for a password');
  }
  const password = checked(await ask('Password: ', { isSecret: true }));
  if ((await ask('The same again: ', { isSecret: true })) !== password) {
    throw new UsageError('the two passwords are not the same; nothing was changed');
  }
  return password;
}

function checked(password: string): string {
  if (password.length >= MIN_PASSWORD_LENGTH && password.length <= MAX_PASSWORD_LENGTH) return password;
  throw new UsageError(
    `the password must have from ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`,
  );
}
