import { deriveChainKey } from '@sv-sdk/audit';
import { createCache, warmUp } from '@sv-sdk/cache';
import { loadConfigOrExit, withPassword } from '@sv-sdk/config';
import { createDatabase } from '@sv-sdk/db';
import { createTemplateStore } from '@sv-sdk/email';
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
import { createAuditMetrics } from './jobs/audit/metrics.ts';
import { startPartitionKeeper } from './jobs/audit/partitions.ts';
import { startSealer } from './jobs/audit/sealer.ts';
import { startHousekeeping } from './jobs/housekeeping/housekeeping.ts';
import { createHousekeepingMetrics } from './jobs/housekeeping/metrics.ts';
import { createSendEmail } from './jobs/send-email.ts';
import { createWorkerMetrics } from './metrics.ts';
import { createSmtpProvider } from './providers/smtp.ts';
import { startRelay } from './relay/relay.ts';
import { startSweeper } from './relay/sweeper.ts';
import { startStaleKeys } from './stale-keys.ts';

const config = loadConfigOrExit([
  'AUDIT_RETENTION_MONTHS',
  'DATABASE_URL',
  'DB_PASSWORD',
  'DB_POOL_MAX',
  'DB_POOL_MIN',
  'EMAIL_CONCURRENCY',
  'EMAIL_FROM',
  'EMAIL_PROVIDER',
  'EMAIL_SWEEP_AFTER_SECONDS',
  'ENCRYPTION_KEY',
  'LOG_LEVEL',
  'OPERATIONS_PORT',
  'REDIS_PASSWORD',
  'REDIS_QUEUE_PASSWORD',
  'REDIS_QUEUE_URL',
  'REDIS_URL',
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
const cache = createCache({ url: withPassword(config.REDIS_URL, config.REDIS_PASSWORD), logger, registry });
const templates = createTemplateStore({ db, cache });
const jobsOut = createProducerConnection(queueUrl, logger);
await untilConnected(jobsOut);
const queue = createEmailQueue(jobsOut, logger);
const provider = createSmtpProvider({
  url: config.SMTP_URL,
  from: config.EMAIL_FROM,
  connections: config.EMAIL_CONCURRENCY,
  logger,
});

await warmUp({ templates: () => templates.warm() }, logger);
const health = startHealth({ db, connection: jobsOut, metrics, logger });
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  registry,
  isReady: health.isReady,
});
const worker = createEmailWorker({
  connection: jobsIn,
  concurrency: config.EMAIL_CONCURRENCY,
  handlers: { send: createSendEmail({ db, templates, provider, metrics, logger }) },
  logger,
  onFirstAttempt: metrics.observeWait,
  onAttemptEnded: metrics.observeProcessing,
});
const staleKeys = startStaleKeys({ db, cache, metrics, logger });
const relay = startRelay({ db, queue, metrics, logger });
const housekeeping = startHousekeeping({ db, metrics: createHousekeepingMetrics(registry), logger });
const sweeper = startSweeper({ db, queue, metrics, afterSeconds: config.EMAIL_SWEEP_AFTER_SECONDS, logger });
const audit = {
  db,
  key: deriveChainKey(config.ENCRYPTION_KEY),
  metrics: createAuditMetrics(registry),
  logger,
};
const sealer = startSealer(audit);
const partitionKeeper = startPartitionKeeper({ ...audit, retentionMonths: config.AUDIT_RETENTION_MONTHS });

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  // What the relay would still move goes with another worker's.
  drain: async () => {
    await Promise.all([
      worker.close(),
      relay.stop(),
      sweeper.stop(),
      sealer.stop(),
      partitionKeeper.stop(),
      staleKeys.stop(),
      housekeeping.stop(),
      health.stop(),
    ]);
  },
  resources: [
    { name: 'operations server', close: () => operations.close() },
    { name: 'database', close: () => db.close() },
    { name: 'cache', close: () => cache.close() },
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
