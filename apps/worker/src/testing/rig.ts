import { type Cache, createCache } from '@sv-sdk/cache';
import { createDatabase, type Database, emailAttempts, emailOutbox, emailSends } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createTemplateStore, type EmailInput, enqueueEmails, seedTemplates } from '@sv-sdk/email';
import {
  createEmailQueue,
  createEmailWorker,
  createProducerConnection,
  createWorkerConnection,
  type EmailJobHandlers,
  type EmailQueue,
  type QueueConnection,
  untilConnected,
} from '@sv-sdk/queue';
import { primariesOf } from '@sv-sdk/redis';
import { createLogger } from '@sv-sdk/telemetry';
import { asc, eq, isNull } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { inject } from 'vitest';
import { createSendEmail, type SendEmail, type SendEmailOptions } from '../jobs/email/send-email.ts';
import { createWorkerMetrics, type WorkerMetrics } from '../metrics.ts';
import { type EmailSender, routeEmails } from '../providers/sender.ts';
import { createSmtpProvider } from '../providers/smtp.ts';
import { startRelay } from '../relay/relay.ts';

export const logger = createLogger({
  service: 'test',
  version: 'test',
  level: process.env['TEST_LOG'] ?? 'fatal',
});

export type EmailRow = typeof emailSends.$inferSelect;
export type AttemptRow = typeof emailAttempts.$inferSelect;

/** As with the platform's defaults. */
export const LEASE_SECONDS = 120;
const SMTP_CONNECTIONS = 5;
/** Where the links to unsubscribe lead. */
export const PUBLIC_URL = 'https://sv.example';

export interface RigOptions {
  redisUrl: string;
  smtpUrl: string;
  /** What a test wants otherwise than the platform's defaults. */
  sending?: Partial<Pick<SendEmailOptions, 'leaseSeconds' | 'retryUncertain'>>;
  /** Around the sender to `smtpUrl`: for what no server does on demand, such as an answer that gets lost. */
  aroundSender?: (sender: EmailSender) => EmailSender;
}

/** What one worker process has, each with connections of its own, in the process of the test. */
export interface Rig {
  readonly server: TestDatabase;
  readonly db: Database;
  readonly cache: Cache;
  readonly queue: EmailQueue;
  readonly taking: QueueConnection;
  readonly registry: Registry;
  readonly metrics: WorkerMetrics;
  /** The handler of the job `send`, and what stops it. */
  readonly send: EmailJobHandlers['send'];
  readonly sendEmail: SendEmail;
  startWorker(concurrency?: number): void;
  startRelay(): void;
  enqueue(...inputs: Partial<EmailInput>[]): Promise<string[]>;
  row(id: string): Promise<EmailRow>;
  rows(): Promise<EmailRow[]>;
  /** What the log has about an email, the first attempt first. */
  attempts(id: string): Promise<AttemptRow[]>;
  /** Emails that wait for a relay. */
  outboxCount(): Promise<number>;
  /** Emails that have no end yet. */
  unendedCount(): Promise<number>;
  change(id: string, values: Partial<EmailRow>): Promise<void>;
  /** Another one on the same servers. */
  another(): Promise<Rig>;
  close(): Promise<void>;
}

/** A database of its own, an empty queue, and everything that a worker needs to send to `smtpUrl`. */
export async function createRig(options: RigOptions): Promise<Rig> {
  const server = await createTestDatabase();
  const rig = await assemble(server, options, () => server.drop());
  await untilConnected(rig.taking);
  await Promise.all(primariesOf(rig.taking).map((server) => server.flushall()));
  await rig.db.withTx((tx) => seedTemplates(tx));
  return rig;
}

async function assemble(
  server: TestDatabase,
  options: RigOptions,
  afterwards: () => Promise<void>,
): Promise<Rig> {
  const registry = new Registry();
  const metrics = createWorkerMetrics(registry);
  const cache = createCache({ url: inject('cacheUrl'), keyPrefix: `${server.name}:`, logger, registry });
  const db = createDatabase({ primaryUrl: server.pooledUrl, poolMin: 0, poolMax: 6, logger, registry });
  const adding = createProducerConnection(options.redisUrl, logger);
  const taking = createWorkerConnection(options.redisUrl, logger);
  await untilConnected(adding);
  const queue = createEmailQueue(adding, logger);
  const provider = createSmtpProvider({
    url: options.smtpUrl,
    from: 'SV-SDK <noreply@sv.example>',
    connections: SMTP_CONNECTIONS,
    logger,
  });
  const templates = createTemplateStore({ db, cache });
  const sender = routeEmails([{ provider, concurrency: SMTP_CONNECTIONS }], {
    sendTimeoutSeconds: LEASE_SECONDS / 2,
    registry,
    logger,
  });
  const sendEmail = createSendEmail({
    db,
    templates,
    sender: options.aroundSender?.(sender) ?? sender,
    publicUrl: PUBLIC_URL,
    leaseSeconds: LEASE_SECONDS,
    retryUncertain: true,
    ...options.sending,
    metrics,
    logger,
  });
  const send = sendEmail.handle;
  const closers: (() => Promise<void>)[] = [];
  return {
    server,
    db,
    cache,
    queue,
    taking,
    registry,
    metrics,
    send,
    sendEmail,
    startWorker(concurrency = 5) {
      const worker = createEmailWorker({
        connection: taking,
        concurrency,
        handlers: { send },
        logger,
        onFirstAttempt: metrics.observeWait,
        onAttemptEnded: metrics.observeProcessing,
      });
      closers.unshift(() => worker.close());
    },
    startRelay() {
      const relay = startRelay({ db, queue, metrics, logger });
      closers.unshift(() => relay.stop());
    },
    async enqueue(...inputs) {
      const emails = inputs.map((input) => ({
        to: 'ada@example.org',
        template: 'notification',
        variables: { name: 'Ada', title: 'News', message: 'It works' },
        ...input,
      }));
      return (await db.withTx((tx) => enqueueEmails(tx, emails))).map(({ id }) => id);
    },
    async row(id) {
      const [row] = await db.write().select().from(emailSends).where(eq(emailSends.id, id));
      if (row === undefined) throw new Error(`there is no email ${id}`);
      return row;
    },
    rows: () => db.write().select().from(emailSends).orderBy(asc(emailSends.id)),
    attempts: (id) =>
      db
        .write()
        .select()
        .from(emailAttempts)
        .where(eq(emailAttempts.emailSendId, id))
        .orderBy(asc(emailAttempts.number)),
    unendedCount: () => db.write().$count(emailOutbox),
    outboxCount: () => db.write().$count(emailOutbox, isNull(emailOutbox.relayedAt)),
    async change(id, values) {
      await db.write().update(emailSends).set(values).where(eq(emailSends.id, id));
    },
    another: () => assemble(server, options, async () => undefined),
    async close() {
      for (const close of closers) await close();
      await queue.close();
      adding.disconnect();
      taking.disconnect();
      await sender.close();
      await db.close();
      await cache.close();
      await afterwards();
    },
  };
}
