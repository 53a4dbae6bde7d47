import type { Request } from 'express';

/** Something that the board may be used for, by the board's own path. */
export interface BoardChange {
  readonly path: string;
  readonly eventType: string;
  /** What of the body goes into the audit row. */
  readonly details?: (body: Readonly<Record<string, unknown>>) => Record<string, unknown>;
}

const QUEUE = '/api/queues/:queueName';

/**
 * What may be done with the board; all other changes of Bull Board's are refused. Those on this list touch only how
 * the queue runs. Whether an email is sent is decided in Postgres: retrying a job there would send nothing, and an
 * added, edited or obliterated one would only be put right by the sweeper, minutes later.
 */
export const BOARD_CHANGES: readonly BoardChange[] = [
  { path: '/api/queues/pause', eventType: 'queue.paused' },
  { path: '/api/queues/resume', eventType: 'queue.resumed' },
  { path: `${QUEUE}/pause`, eventType: 'queue.paused' },
  { path: `${QUEUE}/resume`, eventType: 'queue.resumed' },
  { path: `${QUEUE}/promote`, eventType: 'queue.jobs_promoted' },
  { path: `${QUEUE}/clean/:queueStatus`, eventType: 'queue.jobs_removed' },
  { path: `${QUEUE}/concurrency`, eventType: 'queue.concurrency_set', details: numbers('concurrency') },
  { path: `${QUEUE}/rate-limit`, eventType: 'queue.rate_limit_set', details: numbers('max', 'duration') },
  { path: `${QUEUE}/rate-limit/release`, eventType: 'queue.rate_limit_released' },
  { path: `${QUEUE}/:jobId/promote`, eventType: 'queue.job_promoted' },
  { path: `${QUEUE}/:jobId/clean`, eventType: 'queue.job_removed' },
];

/** What the audit row of this change says: the queue, the job or the kind of jobs, and the figures that were set. */
export function describeChange(change: BoardChange, request: Request): Record<string, unknown> {
  const { queueName, jobId, queueStatus } = request.params;
  const body: unknown = request.body;
  return {
    ...(queueName !== undefined && { queue: queueName }),
    ...(jobId !== undefined && { jobId }),
    ...(queueStatus !== undefined && { state: queueStatus }),
    ...(typeof body === 'object' && body !== null && change.details?.(body as Record<string, unknown>)),
  };
}

/** These fields of the body, where they are numbers: nothing else goes from a body into the audit log. */
function numbers(...names: string[]): (body: Readonly<Record<string, unknown>>) => Record<string, unknown> {
  return (body) =>
    Object.fromEntries(names.flatMap((name) => (typeof body[name] === 'number' ? [[name, body[name]]] : [])));
}
