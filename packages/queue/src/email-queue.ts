import type { Logger } from '@sv-sdk/telemetry';
import { Queue } from 'bullmq';
import { EMAIL_QUEUE, EMAIL_QUEUE_PREFIX, type EmailJobs, emailJobOptions, jobs } from './catalogue.ts';
import type { QueueConnection } from './connection.ts';

export interface EmailToSend {
  readonly emailSendId: string;
  readonly priority: number;
  /** When the email was accepted: waiting is counted from here. */
  readonly acceptedAt: Date;
  /** Not before this time; null: at once. */
  readonly sendAt: Date | null;
}

/**
 * `live`: waiting, delayed or being worked on. `finished`: done or failed, kept for people to see.
 * `absent`: Redis knows nothing of it.
 */
export type JobPresence = 'live' | 'finished' | 'absent';

export interface EmailQueue {
  /** BullMQ's own object, for its dashboard and its counts. */
  readonly bull: Queue<EmailJobs['send'], void, 'send'>;
  /**
   * A job for each, all in one round trip. The email's id is the job's, so one that is there already stays as
   * it is. When this throws, some may have been added: call it again with the same ones.
   */
  addSends(emails: readonly EmailToSend[]): Promise<void>;
  presence(emailSendIds: readonly string[]): Promise<Map<string, JobPresence>>;
  /** Forgets a finished job, which would keep a new one of the same id out. */
  forget(emailSendId: string): Promise<void>;
  close(): Promise<void>;
}

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
  return {
    bull,

    async addSends(emails) {
      await bull.addBulk(
        emails.map(({ emailSendId, priority, acceptedAt, sendAt }) => ({
          name: 'send',
          data: jobs.emails.send.parse({ emailSendId }),
          opts: {
            jobId: emailSendId,
            priority,
            timestamp: acceptedAt.getTime(),
            // BullMQ adds it to the timestamp.
            delay: sendAt === null ? 0 : Math.max(0, sendAt.getTime() - acceptedAt.getTime()),
          },
        })),
      );
    },

    async presence(emailSendIds) {
      // The job's hash, and not its state: BullMQ's getState walks the waiting list, which may hold a million.
      const pipeline = connection.pipeline();
      for (const id of emailSendIds) pipeline.hmget(bull.toKey(id), 'timestamp', 'finishedOn');
      const replies = (await pipeline.exec()) ?? [];
      return new Map(
        emailSendIds.map((id, index): [string, JobPresence] => {
          const [error, fields] = replies[index] ?? [new Error('Redis left an answer out'), null];
          if (error !== null) throw error;
          const [timestamp, finishedOn] = fields as [string | null, string | null];
          return [id, timestamp === null ? 'absent' : finishedOn === null ? 'live' : 'finished'];
        }),
      );
    },

    async forget(emailSendId) {
      await bull.remove(emailSendId);
    },

    close: () => bull.close(),
  };
}
