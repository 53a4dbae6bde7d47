/** What an email provider's webhook is: who sent this, and what does it tell? */
import type { IncomingHttpHeaders } from 'node:http';
import type { EmailEvent } from '@sv-sdk/email';
import { ApiError } from '../../errors.ts';

/** In the path, and in `email_webhooks.provider`. */
export type WebhookProvider = 'brevo' | 'sendgrid' | 'ses';

export interface WebhookRequest {
  readonly headers: IncomingHttpHeaders;
  /** As it came: a signature is over these bytes. */
  readonly body: Buffer;
}

/** What a request brought, once it is proven to be the provider's. */
export interface Receipt {
  readonly events: readonly EmailEvent[];
  /** Known and of no use here: opens and clicks, which we neither ask for nor keep. */
  readonly ignored: number;
  /** Entries that are no events at all. */
  readonly unreadable: number;
  /** Set once, when the provider was told to send its events here. */
  readonly subscribedTo?: string;
}

export interface WebhookReceiver {
  readonly provider: WebhookProvider;
  /**
   * Throws AUTHENTICATION_ERROR where it is not proven to come from the provider, VALIDATION_ERROR where it can't be
   * read, EXTERNAL_SERVICE_ERROR where the provider has to be asked and does not answer.
   */
  receive(request: WebhookRequest): Promise<Receipt>;
}

/**
 * Not proven to come from the provider. The caller hears only that; `reason` goes to the audit row, for the person
 * who set it up.
 */
export function refuse(reason: string, cause?: unknown): ApiError {
  return new ApiError('AUTHENTICATION_ERROR', 'This is not proven to come from the provider.', {
    refusal: { eventType: 'email.webhook_refused', metadata: { reason } },
    cause,
  });
}

export function malformed(what: string, cause?: unknown): ApiError {
  return new ApiError('VALIDATION_ERROR', `The body is not ${what}.`, { field: 'body', cause });
}

/** SendGrid repeats what was not taken for 24 hours, SNS for one; whether it signs anew is not documented. */
const MAX_AGE_SECONDS = 25 * 3600;
const MAX_CLOCK_SKEW_SECONDS = 300;

/**
 * Throws unless a signed moment is near. An event is stored once however often it comes, so this bounds only how long
 * that has to be remembered: anything older than the retention of `email_webhooks` would be new again.
 */
export function assertFresh(signedAt: Date): void {
  const ageSeconds = (Date.now() - signedAt.getTime()) / 1000;
  if (!(ageSeconds <= MAX_AGE_SECONDS && ageSeconds >= -MAX_CLOCK_SKEW_SECONDS)) {
    throw refuse('signed too long ago, or in the future');
  }
}
