/** What became of an email by its provider's word, in our terms. */
export const EMAIL_EVENT_TYPES = [
  /** The provider has taken it. */
  'sent',
  /** Not yet: the provider goes on trying. */
  'deferred',
  'delivered',
  /** There is no such mailbox, now or ever: nothing is sent to the address any more. */
  'hard_bounce',
  /** Refused this time, for good as far as this email goes. */
  'soft_bounce',
  /** The provider would not send it. */
  'dropped',
  /** The recipient calls it spam: nothing is sent to the address any more. */
  'complaint',
] as const;
export type EmailEventType = (typeof EMAIL_EVENT_TYPES)[number];

/** Under this name our id travels with an email, and comes back in its events. */
export const EMAIL_SEND_ID_TAG = 'email_send_id';

/** One event of one email, as `email_webhooks` holds it. */
export interface EmailEvent {
  /** The provider's own, or made of what makes the event one. */
  readonly eventId: string;
  readonly type: EmailEventType;
  /** As the provider answered it when it took the email. */
  readonly messageId?: string | undefined;
  /** Ours, where the provider gives it back. */
  readonly emailSendId?: string | undefined;
  readonly recipient?: string | undefined;
  /** By the provider's clock. */
  readonly occurredAt?: Date | undefined;
  /** What the recipient's server or the provider said. */
  readonly detail?: string | undefined;
  /** The provider's own words for it, for people; nothing that holds content, links or headers of the email. */
  readonly facts: Readonly<Record<string, string>>;
}
