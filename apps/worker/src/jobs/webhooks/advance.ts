import type { emailSends } from '@sv-sdk/db';
import type { EmailEventType } from '@sv-sdk/email';

/** What an event may change of an email's row. */
export interface EmailState {
  readonly status: (typeof emailSends.$inferSelect)['status'];
  readonly sentAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly bouncedAt: Date | null;
  readonly complainedAt: Date | null;
  readonly failedAt: Date | null;
  readonly errorMessage: string | null;
}

/** One event, at the moment that it is believed to have happened. */
export interface Happening {
  readonly type: EmailEventType;
  readonly at: Date;
  readonly detail: string | null;
}

/**
 * How far an email got. The first five are our own word: that it did not go out, or has not yet. The provider's word
 * is better, whatever ours was: our record of a sending may have been lost.
 */
const RANK = {
  queued: 0,
  failed: 0,
  suppressed: 0,
  cancelled: 0,
  uncertain: 0,
  sent: 1,
  delivered: 2,
  bounced: 3,
};

/** Where an event puts an email that is not there yet. Whoever complains has got it, but not by what happened then. */
const REACHED = {
  sent: 'sent',
  deferred: 'sent',
  complaint: 'sent',
  delivered: 'delivered',
  soft_bounce: 'bounced',
  hard_bounce: 'bounced',
  dropped: 'bounced',
} as const satisfies Record<EmailEventType, EmailState['status']>;

/** No worker sends it any more once an event has come. */
export const isOpen = (status: EmailState['status']) => RANK[status] === 0;

/**
 * The row after an event. It goes forward only, and of several moments of the same the first counts, so that the same
 * events come to the same end in any order, and however often.
 */
export function advance(before: EmailState, { type, at, detail }: Happening): EmailState {
  const reached = REACHED[type];
  const status = RANK[reached] > RANK[before.status] ? reached : before.status;
  const bouncedAt = reached === 'bounced' ? earlier(before.bouncedAt, at) : before.bouncedAt;
  return {
    status,
    // Its own record is exact, where there is one.
    sentAt: before.sentAt ?? at,
    deliveredAt: type === 'delivered' ? earlier(before.deliveredAt, at) : before.deliveredAt,
    bouncedAt,
    complainedAt: type === 'complaint' ? earlier(before.complainedAt, at) : before.complainedAt,
    failedAt: null,
    errorMessage: messageAfter(before, bouncedAt, detail),
  };
}

/** Why it bounced, by the first bounce; what was wrong with attempts is of no interest once one has succeeded. */
function messageAfter(before: EmailState, bouncedAt: Date | null, detail: string | null): string | null {
  if (bouncedAt?.getTime() !== before.bouncedAt?.getTime()) return detail;
  return isOpen(before.status) ? null : before.errorMessage;
}

function earlier(a: Date | null, b: Date): Date {
  return a !== null && a <= b ? a : b;
}
