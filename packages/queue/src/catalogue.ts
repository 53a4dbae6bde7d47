import { z } from 'zod';

/** Every queue and every job on it, once: what it is called and what it carries. */
export const jobs = {
  emails: {
    /** Only the id: the row in Postgres is the truth, and an address has no place in Redis. */
    send: z.strictObject({ emailSendId: z.uuid() }),
  },
} as const;

export type EmailJobs = { [Name in keyof typeof jobs.emails]: z.output<(typeof jobs.emails)[Name]> };
export type EmailJobName = keyof EmailJobs;

export const EMAIL_QUEUE = 'emails';

/** In braces, so that all keys of the queue fall into one slot of a Redis Cluster. BullMQ's scripts need that. */
export const EMAIL_QUEUE_PREFIX = '{emails}';

/** The contract's three attempts, 2 s and 4 s apart. */
export const EMAIL_JOB_ATTEMPTS = 3;
const BACKOFF_MS = 2000;

/**
 * Jobs of one priority that wait in Redis at the most, or about: some seconds of work for all workers. The rest waits in
 * Postgres, where a million costs nothing.
 */
export const WAITING_ROOM_JOBS = 10_000;
/**
 * For each step of urgency so many jobs may be delayed before an email waits in Postgres: 10,000 for priority 9, 50,000
 * for priority 1.
 */
export const DELAYED_ROOM_JOBS = 5000;

/** How Redis' memory stays bounded: finished jobs go by age and by number. Their rows in Postgres stay. */
export const emailJobOptions = {
  attempts: EMAIL_JOB_ATTEMPTS,
  backoff: { type: 'exponential', delay: BACKOFF_MS },
  removeOnComplete: { age: 3600, count: 1000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
  stackTraceLimit: 3,
};
