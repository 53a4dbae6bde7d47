import { emailSuppressions, type Tx } from '@sv-sdk/db';

export const SUPPRESSION_REASONS = ['bounce', 'complaint', 'manual'] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

export interface Suppression {
  readonly email: string;
  readonly reason: SuppressionReason;
  readonly detail?: string | undefined;
  /** The email that it came of. */
  readonly emailSendId?: string | undefined;
  /** The user who asked for it. */
  readonly createdBy?: string | undefined;
}

export type SuppressionRow = typeof emailSuppressions.$inferSelect;

/**
 * Nothing is sent to these addresses from now on, not even what is queued already: the claim looks. Answers those
 * that are new; of an address that is suppressed already, the first reason stays.
 */
export async function addSuppressions(
  tx: Tx,
  suppressions: readonly Suppression[],
): Promise<SuppressionRow[]> {
  if (suppressions.length === 0) return [];
  const rows = suppressions
    .map((suppression) => ({ ...suppression, email: suppression.email.toLowerCase() }))
    // In order: two transactions with the same addresses wait for one another, and not each for the other.
    .toSorted((a, b) => (a.email < b.email ? -1 : 1));
  return tx
    .insert(emailSuppressions)
    .values(rows)
    .onConflictDoNothing({ target: emailSuppressions.email })
    .returning();
}
