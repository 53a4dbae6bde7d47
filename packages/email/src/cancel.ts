import { emailOutbox, emailSends, type Tx } from '@sv-sdk/db';
import { and, eq, isNull, sql } from 'drizzle-orm';

/** `too_late`: it has an end already, or a worker has it in hand. */
export type Cancellation = 'cancelled' | 'too_late';

/**
 * Takes an email back while no worker has it in hand; between two attempts is in time, too. A job that the queue
 * may have of it finds nothing to claim and does nothing. An email that doesn't exist is too late as well.
 */
export async function cancelEmail(tx: Tx, emailSendId: string): Promise<Cancellation> {
  const cancelled = await tx
    .update(emailSends)
    .set({ status: 'cancelled', cancelledAt: sql`now()` })
    .where(
      and(
        eq(emailSends.id, emailSendId),
        eq(emailSends.status, 'queued'),
        // Also a claim whose worker was not heard of again: it may have gone out, so it is not taken back.
        isNull(emailSends.claimedAt),
      ),
    )
    .returning({ id: emailSends.id });
  if (cancelled.length === 0) return 'too_late';
  await tx.delete(emailOutbox).where(eq(emailOutbox.emailSendId, emailSendId));
  return 'cancelled';
}
