export interface Attachment {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer;
}

/** One email, ready to go out. */
export interface OutgoingEmail {
  /** The id of its row; the same at every attempt, so that a repeat can be recognised. Sent along where a provider gives it back in its events. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  /** More header lines, such as List-Unsubscribe. Ours alone: no caller names one. */
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly Attachment[];
}

/** A way to send an email. */
export interface EmailProvider {
  readonly name: string;
  /**
   * Answers once the provider has accepted it. Throws {@link ProviderError}. `signal` ends what has not reached the
   * provider yet as `unavailable`, and the rest as `uncertain`.
   */
  send(email: OutgoingEmail, signal?: AbortSignal): Promise<{ messageId: string }>;
  close(): Promise<void>;
}

/**
 * `rejected`: this email will never be accepted. `refused`: not now; the same may be accepted later.
 * `unavailable`: the provider itself is away or does not let us in; it says nothing about the email, and it has not
 * got it. `uncertain`: the provider may have it, and did not say so (its answer was lost).
 */
export type ProviderFailure = 'rejected' | 'refused' | 'unavailable' | 'uncertain';

export class ProviderError extends Error {
  readonly failure: ProviderFailure;
  /** How long the provider asked us to wait. */
  readonly retryAfterSeconds: number | undefined;
  /** Who said so; the sender (sender.ts) fills it in. */
  provider: string | undefined;

  constructor(
    failure: ProviderFailure,
    reason: string,
    options?: ErrorOptions & { retryAfterSeconds?: number | undefined },
  ) {
    super(reason, options);
    this.name = 'ProviderError';
    this.failure = failure;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}
