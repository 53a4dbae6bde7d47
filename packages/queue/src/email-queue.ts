import type { Logger } from '@sv-sdk/telemetry';
import { Queue } from 'bullmq';
import {
  DELAYED_ROOM_JOBS,
  EMAIL_QUEUE,
  EMAIL_QUEUE_PREFIX,
  type EmailJobs,
  emailJobOptions,
  jobs,
  WAITING_ROOM_JOBS,
} from './catalogue.ts';
import type { QueueConnection } from './connection.ts';

export interface EmailToSend {
  readonly emailSendId: string;
  readonly priority: number;
  /** When the email was accepted, or is to go out: waiting is counted from here. It has passed. */
  readonly dueAt: Date;
}

export interface JobCounts {
  /** Of every priority, while the queue is paused too. */
  readonly waiting: number;
  readonly active: number;
  /** Between two attempts. */
  readonly delayed: number;
  readonly failed: number;
  readonly completed: number;
}

export interface EmailQueue {
  /** BullMQ's own object, for its dashboard. */
  readonly bull: Queue<EmailJobs['send'], void, 'send'>;
  /**
   * A job for each, all in one round trip. The email's id is the job's, so one that is there already stays as
   * it is. When this throws, some may have been added: call it again with the same ones.
   */
  addSends(emails: readonly EmailToSend[]): Promise<void>;
  /**
   * How many jobs of each priority may be added, 0 or more. Each has a room of its own, so that a million of one
   * neither keeps another out nor fills the server, which could then not even give the jobs that it has.
   */
  room(priorities: readonly number[]): Promise<Map<number, number>>;
  /** Those that wait, are delayed or are being worked on: the queue will come back to them by itself. */
  live(emailSendIds: readonly string[]): Promise<Set<string>>;
  /** Removes what is left of jobs that are not live: it would keep a new job of the same id out. */
  forgetEnded(emailSendIds: readonly string[]): Promise<void>;
  counts(): Promise<JobCounts>;
  /** No worker takes a job any more; those that they hold are finished. Lasts until `resume`, or until Redis is wiped. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  isPaused(): Promise<boolean>;
  close(): Promise<void>;
}

const LIVE_STATES: ReadonlySet<string> = new Set(['waiting', 'prioritized', 'delayed', 'active']);

/** The producer's side of the queue `emails`, over a connection of createProducerConnection, which stays the caller's. */
export function createEmailQueue(connection: QueueConnection, logger: Logger): EmailQueue {
  const bull = new Queue<EmailJobs['send'], void, 'send'>(EMAIL_QUEUE, {
    connection,
    prefix: EMAIL_QUEUE_PREFIX,
    defaultJobOptions: emailJobOptions,
    // By default BullMQ waits for the first connection, and a failure of it stays for good. The connection
    // answers for itself: it fails at once, and heals.
    skipWaitingForReady: true,
    skipVersionCheck: true,
  });
  bull.on('error', (error) => logger.warn({ err: error }, 'the email queue reports an error'));

  // BullMQ looks in its sets and lists, and not only for the job's hash, which may be there with no list that has it.
  // What it walks is short: jobs with a priority wait in a set, and `active` has what the workers hold.
  async function live(emailSendIds: readonly string[]): Promise<Set<string>> {
    const states = await Promise.all(emailSendIds.map((id) => bull.getJobState(id)));
    return new Set(emailSendIds.filter((_, index) => LIVE_STATES.has(states[index] ?? 'unknown')));
  }

  return {
    bull,

    async addSends(emails) {
      if (emails.length === 0) return;
      await bull.addBulk(
        emails.map(({ emailSendId, priority, dueAt }) => ({
          name: 'send',
          data: jobs.emails.send.parse({ emailSendId }),
          opts: { jobId: emailSendId, priority, timestamp: dueAt.getTime() },
        })),
      );
    },

    async room(priorities) {
      const [waiting, delayed] = await Promise.all([
        bull.getCountsPerPriority([...priorities]),
        bull.getJobCountByTypes('delayed'),
      ]);
      return new Map(
        priorities.map((priority) => {
          const room = WAITING_ROOM_JOBS - (waiting[priority] ?? 0);
          // BullMQ doesn't know what is delayed by its priority. The more urgent, the more of it is allowed: while a
          // provider is away, what is of less urgency can't take the place of what is of more.
          const patience = DELAYED_ROOM_JOBS * Math.max(2, 11 - priority) - delayed;
          return [priority, Math.max(0, Math.min(room, patience))];
        }),
      );
    },

    live,

    async forgetEnded(emailSendIds) {
      const alive = await live(emailSendIds);
      await Promise.all(emailSendIds.filter((id) => !alive.has(id)).map((id) => bull.remove(id)));
    },

    async counts() {
      const counts = await bull.getJobCounts(
        'waiting',
        'prioritized',
        'active',
        'delayed',
        'failed',
        'completed',
      );
      const of = (state: string) => counts[state] ?? 0;
      return {
        waiting: of('waiting') + of('prioritized'),
        active: of('active'),
        delayed: of('delayed'),
        failed: of('failed'),
        completed: of('completed'),
      };
    },

    pause: () => bull.pause(),
    resume: () => bull.resume(),
    isPaused: () => bull.isPaused(),
    close: () => bull.close(),
  };
}
