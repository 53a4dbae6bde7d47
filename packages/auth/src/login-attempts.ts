import { type Database, loginAttempts, type Tx } from '@sv-sdk/db';
import { eq, sql } from 'drizzle-orm';
import { hashAddress } from './address.ts';

export interface LoginLimits {
  /** So many failures within the window lock the address. */
  readonly maxFailures: number;
  readonly windowSeconds: number;
  readonly lockSeconds: number;
}

export type LoginAttempt =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly retryAfterSeconds: number };

/**
 * Counts an attempt to prove a password, before the password is looked at: a hundred at once are a hundred, and no
 * more than `maxFailures` of them are let through. By address, whether or not it has an account. In a transaction
 * of its own, so that an attempt counts also where everything else of its request is rolled back.
 */
export async function countLoginAttempt(
  db: Database,
  email: string,
  limits: LoginLimits,
): Promise<LoginAttempt> {
  const { maxFailures, windowSeconds, lockSeconds } = limits;
  const lockEnd = sql`now() + make_interval(secs => ${lockSeconds})`;
  // A lock that has ended, or a window without one, and the count begins again.
  const isOver = sql`coalesce(a.locked_until, a.window_started_at + make_interval(secs => ${windowSeconds})) <= now()`;
  const { rows } = await db.withTx(
    (tx) =>
      tx.execute<{ failures: number; locked_seconds: number | null }>(sql`
        insert into ${loginAttempts} as a (identifier, failures, locked_until)
        values (${hashAddress(email)}, 1, case when ${maxFailures} <= 1 then ${lockEnd} end)
        on conflict (identifier) do update set
          -- One beyond the limit says all; a flood does not count up for ever.
          failures = case when ${isOver} then 1 else least(a.failures, ${maxFailures}) + 1 end,
          window_started_at = case when ${isOver} then now() else a.window_started_at end,
          locked_until = case
            when ${isOver} then excluded.locked_until
            when a.locked_until is not null then a.locked_until
            when a.failures + 1 >= ${maxFailures} then ${lockEnd}
          end
        returning failures, extract(epoch from locked_until - now())::float8 as locked_seconds`),
    { separate: true },
  );
  const [attempt] = rows;
  if (attempt === undefined) throw new Error('counting an attempt to sign in returned no row');
  if (attempt.failures <= maxFailures) return { allowed: true };
  return { allowed: false, retryAfterSeconds: Math.max(1, Math.ceil(attempt.locked_seconds ?? lockSeconds)) };
}

/** After a success, in its transaction: counting begins again, and a lock ends. */
export async function forgetLoginAttempts(tx: Tx, email: string): Promise<void> {
  await tx.delete(loginAttempts).where(eq(loginAttempts.identifier, hashAddress(email)));
}
