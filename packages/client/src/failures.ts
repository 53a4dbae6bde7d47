/** What the client throws: an error that the API answered with, or no answer of the API at all. */
import type { components } from './schema.ts';

export type ErrorCode = components['schemas']['Error']['error']['code'];
export type ErrorDetail = NonNullable<components['schemas']['Error']['error']['details']>[number];

/** The API refused or failed, and said why; docs/errors/ has a page for each code. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: ErrorCode;
  readonly status: number;
  /** The first field at fault, of a VALIDATION_ERROR for one. */
  readonly field: string | undefined;
  readonly details: readonly ErrorDetail[];
  /** Finds the request in the logs of the platform. */
  readonly requestId: string;
  /** How long to wait before another attempt; undefined where the answer doesn't say. */
  readonly retryAfterSeconds: number | undefined;

  constructor(response: Response, body: components['schemas']['Error']) {
    const { code, message, field, details } = body.error;
    super(message);
    this.code = code;
    this.status = response.status;
    this.field = field;
    this.details = details ?? [];
    this.requestId = body.meta.requestId;
    this.retryAfterSeconds = retryAfterSecondsOf(response);
  }
}

/**
 * No answer of the API: the connection broke or timed out (`status` undefined, `cause` says how), or what answered
 * was not the API (a proxy's page, for one). Whether a change was made is not known.
 */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure';
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.status = options.status;
  }
}

/** The header in seconds; a date in it, which the API never sends, is not understood. */
export function retryAfterSecondsOf(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The error of an answer that is no success. */
export function failureOf(response: Response, body: unknown): ApiFailure | ConnectionFailure {
  if (isErrorBody(body)) return new ApiFailure(response, body);
  return new ConnectionFailure(`what answered with ${response.status} is not the API`, {
    status: response.status,
    cause: body,
  });
}

function isErrorBody(body: unknown): body is components['schemas']['Error'] {
  if (typeof body !== 'object' || body === null) return false;
  const { success, error, meta } = body as Partial<components['schemas']['Error']>;
  return success === false && typeof error?.code === 'string' && typeof meta?.requestId === 'string';
}
