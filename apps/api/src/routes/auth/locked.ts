import { ApiError } from '../../errors.ts';

/** Says nothing of an account: an address that nobody has is locked in the same way. */
export function accountLocked(
  { retryAfterSeconds }: { retryAfterSeconds: number },
  eventType: string,
  metadata: Readonly<Record<string, unknown>>,
): ApiError {
  return new ApiError(
    'ACCOUNT_LOCKED',
    'There were too many attempts. Wait, or reset the password by mail.',
    {
      retryAfterSeconds,
      refusal: { eventType, metadata: { ...metadata, reason: 'locked' } },
    },
  );
}
