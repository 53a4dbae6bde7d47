import { loadConfigOrExit, withPassword } from '@sv-sdk/config';
import { createDatabase } from '@sv-sdk/db';
import {
  assertQueuePolicy,
  createEmailQueue,
  createEmailWorker,
  createProducerConnection,
  createWorkerConnection,
  QueuePolicyError,
  untilConnected,
} from '@sv-sdk/queue';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { startHealth } from './health.ts';
import { createSendEmail } from './jobs/send-email.ts';
import { createTemplateCache } from './jobs/template-cache.ts';
import { createWorkerMetrics } from './metrics.ts';
import { createSmtpProvider } from './providers/smtp.ts';
import { startRelay } from './relay/relay.ts';
import { startSweeper } from './relay/sweeper.ts';

const config = loadConfigOrExit([
  'DATABASE_URL',
  'DB_PASSWORD',
  'DB_POOL_MAX',
  'DB_POOL_MIN',
  'EMAIL_CONCURRENCY',
  'EMAIL_FROM',
  'EMAIL_PROVIDER',
  'EMAIL_SWEEP_AFTER_SECONDS',
  'LOG_LEVEL',
  'OPERATIONS_PORT',
  'REDIS_QUEUE_PASSWORD',
  'REDIS_QUEUE_URL',
  'SHUTDOWN_DEADLINE_SECONDS',
  'SMTP_URL',
  'SV_VERSION',
]);
const service = 'worker';
const logger = createLogger({ service, version: config.SV_VERSION, level: config.LOG_LEVEL });
const registry = createRegistry({ service, version: config.SV_VERSION });
const metrics = createWorkerMetrics(registry);

const queueUrl = withPassword(config.REDIS_QUEUE_URL, config.REDIS_QUEUE_PASSWORD);
const jobsIn = createWorkerConnection(queueUrl, logger);
await refuseQueueThatEvicts();

const db = createDatabase({
  primaryUrl: withPassword(config.DATABASE_URL, config.DB_PASSWORD),
  poolMin: config.DB_POOL_MIN,
  poolMax: config.DB_POOL_MAX,
  logger,
  registry,
});
const jobsOut = createProducerConnection(queueUrl, logger);
await untilConnected(jobsOut);
const queue = createEmailQueue(jobsOut, logger);
const provider = createSmtpProvider({
  url: config.SMTP_URL,
  from: config.EMAIL_FROM,
  connections: config.EMAIL_CONCURRENCY,
  logger,
});

const health = startHealth({ db, connection: jobsOut, metrics, logger });
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  registry,
  isReady: health.isReady,
});
const worker = createEmailWorker({
  connection: jobsIn,
  concurrency: config.EMAIL_CONCURRENCY,
  handlers: { send: createSendEmail({ db, templates: createTemplateCache(db), provider, metrics, logger }) },
  logger,
  onFirstAttempt: metrics.observeWait,
  onAttemptEnded: metrics.observeProcessing,
});
const relay = startRelay({ db, queue, metrics, logger });
const sweeper = startSweeper({ db, queue, metrics, afterSeconds: config.EMAIL_SWEEP_AFTER_SECONDS, logger });

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  // What the relay would still move goes with another worker's.
  drain: async () => {
    await Promise.all([worker.close(), relay.stop(), sweeper.stop(), health.stop()]);
  },
  resources: [
    { name: 'operations server', close: () => operations.close() },
    { name: 'database', close: () => db.close() },
    { name: 'queue connection for taking', close: async () => jobsIn.disconnect() },
    { name: 'queue connection for adding', close: async () => jobsOut.disconnect() },
    { name: 'queue', close: () => queue.close() },
    { name: 'email provider', close: () => provider.close() },
  ],
});
logger.info({ concurrency: config.EMAIL_CONCURRENCY, provider: provider.name }, 'started');

/** Before anything is taken from it or put into it. Waits for a server that is not up yet. */
async function refuseQueueThatEvicts() {
  try {
    await assertQueuePolicy(jobsIn);
  } catch (error) {
    if (!(error instanceof QueuePolicyError)) throw error;
    logger.fatal(error.message);
    process.exit(1);
  }
}
