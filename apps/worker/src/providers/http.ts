import { ProviderError } from './provider.ts';

/** An answer's text is read into memory, and its beginning goes into the row of the email. */
const MAX_REASON_LENGTH = 500;
/** Waiting for a throttle that names no time. */
const DEFAULT_RETRY_AFTER_SECONDS = 5;
const MAX_RETRY_AFTER_SECONDS = 3600;

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where the answer is not JSON. */
  readonly json: unknown;
}

/**
 * One POST, never repeated by itself: what a lost answer means is decided by who knows the row. Rejects with
 * {@link ProviderError} where there is no answer: `unavailable` if nothing was sent, else `uncertain`.
 */
export async function postJson(
  url: string,
  request: { headers: Record<string, string>; body: unknown; signal?: AbortSignal | undefined },
): Promise<JsonAnswer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...request.headers },
      body: JSON.stringify(request.body),
      signal: request.signal ?? null,
      // The key goes to nobody but the host of the setting.
      redirect: 'manual',
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parse(text) };
  } catch (error) {
    throw lostAnswer(error);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What happened where there is no answer. Only what failed before the request could leave is known to be unsent. */
export function lostAnswer(error: unknown): ProviderError {
  const reason = error instanceof Error ? rootOf(error).message : String(error);
  const cause = { cause: error };
  return isUnsent(error)
    ? new ProviderError('unavailable', `it can't be reached: ${reason}`, cause)
    : new ProviderError('uncertain', `its answer was lost: ${reason}`, cause);
}

const rootOf = (error: Error): Error => (error.cause instanceof Error ? rootOf(error.cause) : error);

/** Finding the host, connecting to it, and its certificate come before the first byte of a request. */
function isUnsent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  if (code !== undefined && UNSENT_CODES.test(code)) return true;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isUnsent);
  return error.cause !== undefined && isUnsent(error.cause);
}

const UNSENT_CODES =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;

/**
 * What a status other than success says where the provider has no words of its own. 4xx are the caller's: the key, the
 * account, the address of the API; they say nothing about this email. 502 and 504 are a gateway that has not heard from
 * the provider, which may go on and send.
 */
export function failureOfStatus(
  status: number,
  reason: string,
  headers: { get(name: string): string | null },
): ProviderError {
  const text = `it answered ${status}: ${reason.trim().slice(0, MAX_REASON_LENGTH) || 'nothing'}`;
  if (status === 429)
    return new ProviderError('unavailable', text, { retryAfterSeconds: retryAfterSeconds(headers) });
  if (status === 413) return new ProviderError('rejected', text);
  if (status === 400 || status === 422) return new ProviderError('refused', text);
  if (status === 502 || status === 504 || (status >= 200 && status < 300))
    return new ProviderError('uncertain', text);
  return new ProviderError('unavailable', text);
}

/** Retry-After as RFC 9110 has it: seconds, or a date. 1 to 3,600. */
function retryAfterSeconds(headers: { get(name: string): string | null }): number {
  const value = headers.get('retry-after')?.trim() ?? '';
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return withinBounds(Number.isFinite(seconds) ? seconds : DEFAULT_RETRY_AFTER_SECONDS);
}

export const withinBounds = (seconds: number) =>
  Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(seconds)));
