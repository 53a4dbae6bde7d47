import { mailLimits, type Tx } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';
import { hashAddress } from './address.ts';

/** A person who looks for a mail asks again after a minute, and hardly more than five times. */
const MIN_INTERVAL_SECONDS = 60;
const WINDOW_SECONDS = 3600;
const MAX_MAILS_PER_WINDOW = 5;

/**
 * Whether another mail that anybody may ask for can go to this address, and counts it: one a minute, five an
 * hour, however many ask and from wherever. In the transaction that accepts the mail; a second one at the same
 * moment waits for it.
 */
export async function takeMailAllowance(tx: Tx, email: string): Promise<boolean> {
  const isOver = sql`${mailLimits.windowStartedAt} <= now() - make_interval(secs => ${WINDOW_SECONDS})`;
  const taken = await tx
    .insert(mailLimits)
    .values({ identifier: hashAddress(email), mails: 1 })
    .onConflictDoUpdate({
      target: mailLimits.identifier,
      set: {
        mails: sql`case when ${isOver} then 1 else ${mailLimits.mails} + 1 end`,
        windowStartedAt: sql`case when ${isOver} then now() else ${mailLimits.windowStartedAt} end`,
        lastMailAt: sql`now()`,
      },
      setWhere: sql`${mailLimits.lastMailAt} <= now() - make_interval(secs => ${MIN_INTERVAL_SECONDS})
        and (${isOver} or ${mailLimits.mails} < ${MAX_MAILS_PER_WINDOW})`,
    })
    .returning({ mails: mailLimits.mails });
  return taken.length > 0;
}
