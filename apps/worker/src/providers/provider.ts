/** One email, ready to go out. */
export interface OutgoingEmail {
  /** The id of its row; the same at every attempt, so that a repeat can be recognised. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** A way to send an email. */
export interface EmailProvider {
  readonly name: string;
  /** Answers once the provider has accepted it. Throws {@link ProviderError}. */
  send(email: OutgoingEmail): Promise<{ messageId: string }>;
  close(): Promise<void>;
}

/**
 * `rejected`: this email will never be accepted. `refused`: not now; the same may be accepted later.
 * `unavailable`: the provider itself is away or does not let us in; it says nothing about the email.
 */
export type ProviderFailure = 'rejected' | 'refused' | 'unavailable';

export class ProviderError extends Error {
  readonly failure: ProviderFailure;

  constructor(failure: ProviderFailure, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'ProviderError';
    this.failure = failure;
  }
}
