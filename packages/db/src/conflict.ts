import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

/**
 * Postgres gave a transaction up for the sake of another and has rolled all of it back: these two codes are its word
 * that nothing was committed, also when COMMIT is answered with them. A connection that is lost during COMMIT has no
 * code, or another (57P01): what became of that transaction nobody knows, and it is never run again.
 */
const REASON_OF_CODE = new Map([
  ['40001', 'serialization_failure'],
  ['40P01', 'deadlock'],
] as const);

export type ConflictReason = 'serialization_failure' | 'deadlock';
/** `repeated`: run again. `given_up`: had been, for the last time. `not_repeatable`: its caller has not allowed it. */
export type ConflictOutcome = 'repeated' | 'given_up' | 'not_repeatable';

const MAX_RUNS = 4;
/** Finding a deadlock takes Postgres a second (deadlock_timeout); a caller should not wait for many. */
const LIMIT_MS = 10_000;
/** Doubled with every run. Jittered, or those who collided would collide again. */
const FIRST_PAUSE_MS = 20;
/** Drizzle wraps the driver's error, and who calls it may wrap again. */
const MAX_DEPTH = 5;

/** Why Postgres gave the transaction up; undefined: something else went wrong. */
export function conflictOf(error: unknown): ConflictReason | undefined {
  for (
    let cause = error, depth = 0;
    cause instanceof Error && depth < MAX_DEPTH;
    cause = cause.cause, depth++
  ) {
    if (!(cause instanceof pg.DatabaseError)) continue;
    for (const [code, reason] of REASON_OF_CODE) if (cause.code === code) return reason;
  }
  return undefined;
}

/** Runs a transaction, and again while that ends in a conflict and may be repeated. */
export async function repeatOnConflict<T>(
  run: () => Promise<T>,
  options: {
    isRepeatable: boolean;
    onConflict: (reason: ConflictReason, outcome: ConflictOutcome) => void;
  },
): Promise<T> {
  const startedAtMs = performance.now();
  for (let runs = 1; ; runs++) {
    try {
      return await run();
    } catch (error) {
      const reason = conflictOf(error);
      if (reason === undefined) throw error;
      const isTheLast = runs >= MAX_RUNS || performance.now() - startedAtMs > LIMIT_MS;
      const outcome = !options.isRepeatable ? 'not_repeatable' : isTheLast ? 'given_up' : 'repeated';
      options.onConflict(reason, outcome);
      if (outcome !== 'repeated') throw error;
    }
    await delay(Math.random() * FIRST_PAUSE_MS * 2 ** runs);
  }
}
