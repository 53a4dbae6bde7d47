import type { Logger } from '@sv-sdk/telemetry';
import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import { EMAIL_QUEUE, EMAIL_QUEUE_PREFIX, type EmailJobName, type EmailJobs, jobs } from './catalogue.ts';
import type { QueueConnection } from './connection.ts';

/** Thrown by a handler: not now, again after this delay. Costs none of the job's attempts. */
export class DeferJob extends Error {
  readonly delayMs: number;

  constructor(reason: string, delayMs: number) {
    super(reason);
    this.name = 'DeferJob';
    this.delayMs = delayMs;
  }
}

/** Thrown by a handler: failed, and trying again is of no use. */
export class GiveUpJob extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'GiveUpJob';
  }
}

/** Returns: done. Throws: again after the backoff while attempts are left, or as the two errors above say. */
export type EmailJobHandlers = {
  readonly [Name in EmailJobName]: (payload: EmailJobs[Name]) => Promise<void>;
};

export interface EmailWorker {
  /**
   * Takes no more jobs, gives back those that it has taken and not begun, and waits for the others, however long they
   * take: the caller sets the limit.
   */
  close(): Promise<void>;
}

/**
 * A job whose worker is not heard of for so long goes to another. Shorter than BullMQ's 30 s, as a false alarm costs
 * nothing here: the claim in Postgres keeps the second worker out.
 */
const LOCK_MS = 15_000;
const STALLED_LOOK_MS = 5000;
/**
 * BullMQ would fail a job after so many workers that died with it, one by default, and its email would wait for the
 * sweeper. The row in Postgres counts its attempts, and ends one that kills its workers.
 */
const MAX_STALLED_COUNT = 1_000_000;
/** After a lost connection; 15 s by default, in which a worker would do nothing. */
const RETRY_FETCH_MS = 1000;

/**
 * Takes jobs from the queue `emails`. `connection` comes from createWorkerConnection and stays the caller's;
 * BullMQ makes two of its own from it. Throws at once when a job of the catalogue has no handler.
 */
export function createEmailWorker(options: {
  connection: QueueConnection;
  concurrency: number;
  handlers: EmailJobHandlers;
  logger: Logger;
  /** Called once a job, before its first attempt, with the time since its email was due. */
  onFirstAttempt?: (waitSeconds: number) => void;
  /** Called after every attempt with the time that it took. */
  onAttemptEnded?: (seconds: number) => void;
}): EmailWorker {
  const { handlers, logger } = options;
  for (const name of Object.keys(jobs.emails) as EmailJobName[]) {
    if (typeof handlers[name] !== 'function') throw new Error(`the job "${name}" has no handler`);
  }
  let closing = false;
  const worker = new Worker<unknown, void>(
    EMAIL_QUEUE,
    async (job, token) => {
      if (closing) {
        // Not moveToWait, which wakes no worker that rests: the email would lie for up to 5 s.
        await job.moveToDelayed(Date.now(), token);
        throw new DelayedError();
      }
      const startedMs = performance.now();
      if (job.attemptsStarted === 1) options.onFirstAttempt?.(waitSeconds(job));
      try {
        await handle(job, handlers);
      } catch (error) {
        if (error instanceof DeferJob) {
          logger.info({ jobId: job.id, delayMs: error.delayMs, reason: error.message }, 'job deferred');
          await job.moveToDelayed(Date.now() + error.delayMs, token);
          throw new DelayedError();
        }
        throw error instanceof GiveUpJob ? new UnrecoverableError(error.message) : error;
      } finally {
        options.onAttemptEnded?.((performance.now() - startedMs) / 1000);
      }
    },
    {
      connection: options.connection,
      prefix: EMAIL_QUEUE_PREFIX,
      concurrency: options.concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_LOOK_MS,
      maxStalledCount: MAX_STALLED_COUNT,
      runRetryDelay: RETRY_FETCH_MS,
    },
  );
  worker.on('error', (error) => logger.warn({ err: error }, 'the email worker reports an error'));
  worker.on('failed', (job, error) =>
    logger.warn({ jobId: job?.id, attempt: job?.attemptsMade, reason: error.message }, 'job attempt failed'),
  );
  worker.on('stalled', (jobId) => logger.warn({ jobId }, 'job was left behind by another worker'));
  return {
    close: () => {
      closing = true;
      return worker.close();
    },
  };
}

async function handle(job: Job<unknown, void>, handlers: EmailJobHandlers): Promise<void> {
  if (!isKnown(job.name)) throw new GiveUpJob(`there is no job "${job.name}" on the queue ${EMAIL_QUEUE}`);
  const payload = jobs.emails[job.name].safeParse(job.data);
  if (!payload.success) throw new GiveUpJob(`the payload is wrong: ${payload.error.message}`);
  await handlers[job.name](payload.data);
}

const isKnown = (name: string): name is EmailJobName => Object.hasOwn(jobs.emails, name);

/** Postgres' clock against this one: never below nothing. */
const waitSeconds = (job: Job) => Math.max(0, Date.now() - job.timestamp) / 1000;
