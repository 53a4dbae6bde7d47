import { createDatabase, type Database, emailOutbox, emailSends } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import {
  createEmailQueue,
  createEmailWorker,
  createProducerConnection,
  createWorkerConnection,
  type EmailQueue,
  GiveUpJob,
  type QueueConnection,
  untilConnected,
} from '@sv-sdk/queue';
import { createLogger } from '@sv-sdk/telemetry';
import { eq, isNull, sql } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { createWorkerMetrics, type WorkerMetrics } from '../../metrics.ts';

export interface Fill {
  emails: number;
  priority?: number;
  /** From now; below 0: has been due for so long. */
  dueInSeconds?: number;
  /** Since when the queue is said to have them; absent: it has not been given them. */
  relayedSecondsAgo?: number;
  mayHaveJob?: boolean;
}

/** An outbox, an empty queue and nothing that sends: emails are rows made by the thousand. */
export interface OutboxRig {
  readonly server: TestDatabase;
  readonly db: Database;
  readonly queue: EmailQueue;
  readonly taking: QueueConnection;
  readonly registry: Registry;
  readonly metrics: WorkerMetrics;
  /** Answers their ids. */
  fill(fill: Fill): Promise<string[]>;
  outboxRow(id: string): Promise<typeof emailOutbox.$inferSelect | undefined>;
  change(id: string, values: Partial<typeof emailOutbox.$inferSelect>): Promise<void>;
  setStatus(id: string, status: 'queued' | 'sent' | 'cancelled'): Promise<void>;
  /** Has a worker take the jobs that wait and give up this one; the others are done. */
  failJob(id: string): Promise<void>;
  waitingCount(): Promise<number>;
  jobCount(): Promise<number>;
  /** Another worker's on the same servers. */
  another(): Promise<OutboxRig>;
  close(): Promise<void>;
}

export const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

export async function createOutboxRig(redisUrl: string): Promise<OutboxRig> {
  const server = await createTestDatabase();
  const rig = await assemble(server, redisUrl, () => server.drop());
  await rig.taking.flushall();
  return rig;
}

async function assemble(
  server: TestDatabase,
  redisUrl: string,
  afterwards: () => Promise<void>,
): Promise<OutboxRig> {
  const registry = new Registry();
  const db = createDatabase({ primaryUrl: server.pooledUrl, poolMin: 0, poolMax: 4, logger, registry });
  const adding = createProducerConnection(redisUrl, logger);
  const taking = createWorkerConnection(redisUrl, logger);
  await untilConnected(adding);
  const queue = createEmailQueue(adding, logger);
  return {
    server,
    db,
    queue,
    taking,
    registry,
    metrics: createWorkerMetrics(registry),
    async fill({ emails, priority = 5, dueInSeconds = -1, relayedSecondsAgo, mayHaveJob = false }) {
      const dueAt = sql`now() + make_interval(secs => ${dueInSeconds})`;
      const relayedAt =
        relayedSecondsAgo === undefined
          ? sql`null`
          : sql`now() - make_interval(secs => ${relayedSecondsAgo})`;
      const { rows } = await db.write().execute<{ id: string }>(sql`
        with made as (
          insert into email.email_sends (id, recipient, template, variables, priority)
          select uuidv7()::text, 'ada@example.org', 'notification', '{}', ${priority}::smallint
          from generate_series(1, ${emails}::int)
          returning id, priority
        )
        insert into email.email_outbox (email_send_id, priority, due_at, relayed_at, may_have_job)
        select id, priority, ${dueAt}, ${relayedAt}, ${mayHaveJob} from made
        returning email_send_id as id`);
      return rows.map(({ id }) => id);
    },
    async outboxRow(id) {
      const [row] = await db.write().select().from(emailOutbox).where(eq(emailOutbox.emailSendId, id));
      return row;
    },
    async change(id, values) {
      await db.write().update(emailOutbox).set(values).where(eq(emailOutbox.emailSendId, id));
    },
    async setStatus(id, status) {
      await db.write().update(emailSends).set({ status }).where(eq(emailSends.id, id));
    },
    async failJob(id) {
      const worker = createEmailWorker({
        connection: taking,
        concurrency: 1,
        handlers: {
          send: async ({ emailSendId }) => {
            if (emailSendId === id) throw new GiveUpJob('no');
          },
        },
        logger,
      });
      await expect.poll(() => queue.bull.getJobState(id)).toBe('failed');
      await worker.close();
    },
    waitingCount: () => db.write().$count(emailOutbox, isNull(emailOutbox.relayedAt)),
    async jobCount() {
      const counts = await queue.counts();
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    another: () => assemble(server, redisUrl, async () => undefined),
    async close() {
      await queue.close();
      adding.disconnect();
      taking.disconnect();
      await db.close();
      await afterwards();
    },
  };
}
