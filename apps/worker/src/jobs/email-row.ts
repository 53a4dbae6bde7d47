import { type Database, emailOutbox, emailSends } from '@sv-sdk/db';
import { and, eq, getTableColumns, isNull, lt, or, sql } from 'drizzle-orm';

/**
 * How long a claim holds when nothing is heard of its worker. Longer than a send may take (60 s) and its
 * record may be tried (30 s) together, so that no email is taken from a worker that lives.
 */
export const CLAIM_LEASE_SECONDS = 120;

export type ClaimedEmail = typeof emailSends.$inferSelect & { readonly claimedAt: Date };

export type Claim =
  /** `abandoned`: a worker took it before and was not heard of again; it may have gone out. */
  | { readonly outcome: 'claimed'; readonly email: ClaimedEmail; readonly abandoned: boolean }
  /** Another worker has it, for so long at the most. */
  | { readonly outcome: 'held'; readonly remainingMs: number }
  /** Sent, failed or gone. */
  | { readonly outcome: 'done' };

/** No worker has the row, or the one that had it was not heard of for longer than its lease. */
export const isFree = () =>
  or(
    isNull(emailSends.claimedAt),
    lt(emailSends.claimedAt, sql`now() - make_interval(secs => ${CLAIM_LEASE_SECONDS})`),
  );

/**
 * Takes the email for this worker alone and counts the attempt. One statement, so two workers can't both have
 * it; the database's clock on both sides, so theirs need not agree.
 */
export async function claimEmail(db: Database, emailSendId: string): Promise<Claim> {
  const [row] = await db
    .write()
    .update(emailSends)
    .set({ claimedAt: sql`now()`, attempts: sql`${emailSends.attempts} + 1` })
    .where(and(eq(emailSends.id, emailSendId), eq(emailSends.status, 'queued'), isFree()))
    // Postgres 18: what the row was before.
    .returning({ ...getTableColumns(emailSends), abandoned: sql<boolean>`old.claimed_at is not null` });
  if (row?.claimedAt) {
    const { abandoned, claimedAt, ...email } = row;
    return { outcome: 'claimed', email: { ...email, claimedAt }, abandoned };
  }
  const [holder] = await db
    .write()
    .select({
      remainingMs: sql<number>`ceil(extract(epoch from ${emailSends.claimedAt} - now()) * 1000)::int + ${CLAIM_LEASE_SECONDS * 1000}`,
    })
    .from(emailSends)
    .where(and(eq(emailSends.id, emailSendId), eq(emailSends.status, 'queued')));
  if (holder === undefined) return { outcome: 'done' };
  // Null: released between the two statements. Free again, so try again soon.
  return { outcome: 'held', remainingMs: Math.max(holder.remainingMs ?? 0, 0) };
}

/** The provider has it. True whoever holds the claim by now: what is sent is sent. */
export async function recordSent(
  db: Database,
  email: ClaimedEmail,
  sent: { provider: string; messageId: string },
): Promise<void> {
  await db.withTx(async (tx) => {
    await tx
      .update(emailSends)
      .set({ ...sent, status: 'sent', sentAt: sql`now()`, claimedAt: null, errorMessage: null })
      .where(and(eq(emailSends.id, email.id), eq(emailSends.status, 'queued')));
    await tx.delete(emailOutbox).where(eq(emailOutbox.emailSendId, email.id));
  });
}

/** Failed for good. */
export async function recordFailed(
  db: Database,
  email: ClaimedEmail,
  failure: { provider: string; reason: string },
): Promise<void> {
  await db.withTx(async (tx) => {
    const ended = await tx
      .update(emailSends)
      .set({
        status: 'failed',
        failedAt: sql`now()`,
        claimedAt: null,
        provider: failure.provider,
        errorMessage: failure.reason,
      })
      .where(isHeldBy(email))
      .returning({ id: emailSends.id });
    if (ended.length > 0) await tx.delete(emailOutbox).where(eq(emailOutbox.emailSendId, email.id));
  });
}

/** Failed for now: anyone may take it again. */
export async function recordRetry(db: Database, email: ClaimedEmail, reason: string): Promise<void> {
  await db.write().update(emailSends).set({ claimedAt: null, errorMessage: reason }).where(isHeldBy(email));
}

/** The provider was not even asked: free again, and the attempt is not counted. */
export async function releaseUncounted(db: Database, email: ClaimedEmail, reason: string): Promise<void> {
  await db
    .write()
    .update(emailSends)
    .set({ claimedAt: null, attempts: sql`${emailSends.attempts} - 1`, errorMessage: reason })
    .where(isHeldBy(email));
}

/** Its claim is the one that we made: a worker that was taken for dead must not undo what its successor did. */
const isHeldBy = (email: ClaimedEmail) =>
  and(
    eq(emailSends.id, email.id),
    eq(emailSends.status, 'queued'),
    eq(emailSends.claimedAt, email.claimedAt),
  );
