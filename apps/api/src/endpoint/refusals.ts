import { recordAudit } from '@sv-sdk/audit';
import type { Identification } from '@sv-sdk/auth';
import type { Tx } from '@sv-sdk/db';
import { ApiError, type ErrorCode } from '../errors.ts';

/** What somebody tried, for the audit of its refusal. */
export interface Attempt {
  readonly operationId: string;
  readonly ipAddress: string;
  /** As it stands in the path; whether there is such a resource is another question. */
  readonly id: string | undefined;
  /** Undefined until it is known. */
  caller: Identification | undefined;
}

/** NOT_FOUND with them: it may hide what the caller must not see, and costs the same either way. */
const REFUSALS = new Set<ErrorCode>([
  'AUTHENTICATION_ERROR',
  'SESSION_ERROR',
  'PERMISSION_DENIED',
  'ACCOUNT_LOCKED',
  'NOT_FOUND',
]);

export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && REFUSALS.has(error.code);
}

/** Writes the audit row of a refusal, in a transaction that is not undone with what was refused. */
export async function recordRefusal(tx: Tx, attempt: Attempt, error: ApiError): Promise<void> {
  const { operationId, ipAddress, id, caller } = attempt;
  await recordAudit(tx, {
    eventType: error.refusal?.eventType ?? 'access.refused',
    userId: caller?.outcome === 'identified' ? caller.principal.userId : null,
    ipAddress,
    metadata: {
      code: error.code,
      operationId,
      ...(id !== undefined && { id }),
      ...(caller !== undefined && caller.outcome !== 'anonymous' && { source: caller.source }),
      ...error.refusal?.metadata,
    },
  });
}
