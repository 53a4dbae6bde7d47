/** Every error that leaves the API: its code, its status, and where each failure of the parts below goes. */

/** The only place where a code gets its status. docs/errors/ has a page for each. */
export const ERROR_STATUS = {
  VALIDATION_ERROR: 400,
  ROLE_ERROR: 400,
  AUTHENTICATION_ERROR: 401,
  SESSION_ERROR: 401,
  PERMISSION_DENIED: 403,
  ACCOUNT_LOCKED: 403,
  NOT_FOUND: 404,
  CONSTRAINT_VIOLATION: 409,
  RATE_LIMIT_EXCEEDED: 429,
  DATABASE_ERROR: 500,
  // Not one of SV-SDK's: it has no name for a fault of our own that isn't the database's.
  INTERNAL_ERROR: 500,
  EXTERNAL_SERVICE_ERROR: 502,
  SERVICE_UNAVAILABLE: 503,
  TIMEOUT_ERROR: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;
export type ErrorStatus = (typeof ERROR_STATUS)[ErrorCode];

export interface ErrorDetail {
  readonly field: string;
  readonly message: string;
}

/** What the audit row of a refusal says beyond code and operation. */
export interface Refusal {
  /** Absent: `access.refused`. */
  readonly eventType?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What a caller is told. `cause` is for the log, `refusal` for the audit; neither ever leaves. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly details: readonly ErrorDetail[] | undefined;
  readonly refusal: Refusal | undefined;
  /** Leaves as the header Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      field?: string;
      details?: readonly ErrorDetail[];
      cause?: unknown;
      refusal?: Refusal;
      retryAfterSeconds?: number;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'ApiError';
    this.code = code;
    this.field = more.field;
    this.details = more.details;
    this.refusal = more.refusal;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  get status(): ErrorStatus {
    return ERROR_STATUS[this.code];
  }
}

/** Missing, or not for this caller to see: one answer, so that nobody learns which. */
export function notFound(): ApiError {
  return new ApiError('NOT_FOUND', 'There is no such resource.');
}

/** The code and public text for whatever was thrown; what nobody foresaw is an INTERNAL_ERROR without detail. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return fromRequestParsing(error) ?? fromDatabase(error) ?? internal(error);
}

function internal(error: unknown): ApiError {
  return new ApiError('INTERNAL_ERROR', 'Something went wrong on our side.', { cause: error });
}

/** body-parser's errors have a `type`; the router's, for a path that can't be decoded, only a status. */
function fromRequestParsing(error: unknown): ApiError | undefined {
  const status = property(error, 'status');
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  if (status === 404) return notFound();
  const [message, field] = PARSING_FAULTS[String(property(error, 'type'))] ?? [
    'The request could not be read.',
  ];
  // Which limit it is depends on the route.
  const limitBytes = property(error, 'limit');
  const text = typeof limitBytes === 'number' ? `The body is larger than ${limitBytes} bytes.` : message;
  return new ApiError('VALIDATION_ERROR', text, { cause: error, ...(field !== undefined && { field }) });
}

/** By body-parser's `type`: the text, and the field to name. */
const PARSING_FAULTS: Record<string, [message: string, field?: string]> = {
  'entity.parse.failed': ['The body is not valid JSON.', 'body'],
  'entity.too.large': ['The body is too large.', 'body'],
  'encoding.unsupported': ['The body must not be compressed.', 'Content-Encoding'],
  'charset.unsupported': ['The body must be UTF-8.', 'Content-Type'],
  'request.aborted': ['The body did not arrive completely.', 'body'],
  'request.size.invalid': ['The body is not as long as Content-Length says.', 'Content-Length'],
};

/** Unique constraints that a caller can run into, and the field to name. */
const FIELD_OF_CONSTRAINT: Record<string, string> = {
  users_email_key: 'email',
  roles_name_key: 'name',
};

/** No SQLSTATE, so no answer of a server: Node's codes, and node-postgres' texts, which are all it gives. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
]);
const CONNECTION_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed)/;

function fromDatabase(error: unknown): ApiError | undefined {
  const unavailable = () =>
    new ApiError('SERVICE_UNAVAILABLE', 'The database cannot be reached. Try again.', { cause: error });
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const code = property(cause, 'code');
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && property(cause, 'severity') !== undefined) {
      return fromSqlState(code, cause, error);
    }
    if ((typeof code === 'string' && CONNECTION_CODES.has(code)) || CONNECTION_MESSAGE.test(cause.message)) {
      return unavailable();
    }
  }
  return undefined;
}

function fromSqlState(code: string, source: Error, error: unknown): ApiError {
  const constraint = String(property(source, 'constraint'));
  const field = FIELD_OF_CONSTRAINT[constraint];
  switch (code.slice(0, 2)) {
    case '22': // data exception: a NUL byte in a text, for one
      return new ApiError('VALIDATION_ERROR', 'A value cannot be stored as it is.', { cause: error });
    case '23': {
      const message = field === undefined ? 'This conflicts with what exists.' : `${field}: is taken`;
      return new ApiError('CONSTRAINT_VIOLATION', message, {
        ...(field !== undefined && { field }),
        cause: error,
      });
    }
    case '08': // connection, PgBouncer's own errors
    case '40': // deadlock, serialization
    case '53': // out of connections, memory, disk
    case '55': // waited too long for what another holds (lock_timeout)
    case '57': // cancelled, or shutting down
    case '58': // the disk does not do what it should
      if (code === '57014') {
        return new ApiError('TIMEOUT_ERROR', 'The database took too long to answer.', { cause: error });
      }
      return new ApiError('SERVICE_UNAVAILABLE', 'The database cannot answer now. Try again.', {
        cause: error,
      });
    default:
      if (code === '25P04') {
        // transaction_timeout: 20 s, after which the audit log's sealing would leave its rows behind.
        return new ApiError('TIMEOUT_ERROR', 'The database took too long to answer.', { cause: error });
      }
      if (code === '0A000' && property(source, 'routine') === 'RevalidateCachedQuery') {
        // Prepared before a migration that has changed the type of its result; `db migrate` has PgBouncer forget it.
        return new ApiError('SERVICE_UNAVAILABLE', 'The database has just been changed. Try again.', {
          cause: error,
        });
      }
      if (code === '25006') {
        // A write on what was the primary until a failover.
        return new ApiError('SERVICE_UNAVAILABLE', 'The database takes no writes now. Try again.', {
          cause: error,
        });
      }
      return new ApiError('DATABASE_ERROR', 'The database refused the request.', { cause: error });
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
