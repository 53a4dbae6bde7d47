import type { Tx } from '@sv-sdk/db';

/**
 * Runs `action` in a savepoint, and undoes it unless `isMeant`. What anybody may ask for by address (sign-up,
 * mails) runs the same statements whether or not the address has an account: else the time of the answer would
 * tell. Answers with what `action` did, also where it was undone.
 */
export async function asIf<T>(isMeant: boolean, tx: Tx, action: (tx: Tx) => Promise<T>): Promise<T> {
  let done: { readonly value: T } | undefined;
  try {
    await tx.transaction(async (inner) => {
      done = { value: await action(inner) };
      if (!isMeant) throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  if (done === undefined) throw new Error('a savepoint ended without its action');
  return done.value;
}

const undo = new Error('not meant');
