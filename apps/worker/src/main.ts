import { deriveChainKeys } from '@sv-sdk/audit';
import { createCache, warmUp } from '@sv-sdk/cache';
import { loadConfigOrExit, withCurrentPassword, withPassword } from '@sv-sdk/config';
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
import { createSendEmail } from './jobs/email/send-email.ts';
import { startHousekeeping } from './jobs/housekeeping/housekeeping.ts';
import { createHousekeepingMetrics } from './jobs/housekeeping/metrics.ts';
import { startEventApplier } from './jobs/webhooks/apply.ts';
import { createEventMetrics } from './jobs/webhooks/metrics.ts';
import { createWorkerMetrics } from './metrics.ts';
import { createEmailSender } from './providers/sender.ts';
import { SENDER_SETTINGS } from './providers/settings.ts';
import { createQueueMetrics } from './relay/metrics.ts';
import { startRelay } from './relay/relay.ts';
import { startSweeper } from './relay/sweeper.ts';
import { startWatch } from './relay/watch.ts';
import { startStaleKeys } from './stale-keys.ts';

const config = loadConfigOrExit([
  ...SENDER_SETTINGS,
  'AUDIT_RETENTION_MONTHS',
  'BETTER_AUTH_URL',
  'DATABASE_URL',
  'DB_PASSWORD',
  'DB_POOL_MAX',
  'DB_POOL_MIN',
  'EMAIL_RETENTION_DAYS',
  'EMAIL_RETRY_UNCERTAIN',
  'EMAIL_SWEEP_AFTER_SECONDS',
  'ENCRYPTION_KEY',
  'LOG_LEVEL',
  'OPERATIONS_PORT',
  'REDIS_PASSWORD',
  'REDIS_QUEUE_PASSWORD',
  'REDIS_QUEUE_URL',
  'REDIS_URL',
  'SHUTDOWN_DEADLINE_SECONDS',
  'SV_ENV',
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
  primaryUrl: withCurrentPassword(config.DATABASE_URL, 'DB_PASSWORD'),
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
const sender = await createEmailSender({ config, connection: jobsOut, registry, logger });

await warmUp({ templates: () => templates.warm() }, logger);
const health = startHealth({ db, connection: jobsOut, logger });
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  version: config.SV_VERSION,
  registry,
  isReady: health.isReady,
});
const sendEmail = createSendEmail({
  db,
  templates,
  sender,
  publicUrl: config.BETTER_AUTH_URL,
  leaseSeconds: 2 * config.EMAIL_SEND_TIMEOUT_SECONDS,
  retryUncertain: config.EMAIL_RETRY_UNCERTAIN,
  metrics,
  logger,
});
const worker = createEmailWorker({
  connection: jobsIn,
  concurrency: config.EMAIL_CONCURRENCY,
  handlers: { send: sendEmail.handle },
  logger,
  onFirstAttempt: metrics.observeWait,
  onAttemptEnded: metrics.observeProcessing,
});
const staleKeys = startStaleKeys({ db, cache, metrics, logger });
const relay = startRelay({ db, queue, metrics, logger });
const housekeeping = startHousekeeping({
  db,
  metrics: createHousekeepingMetrics(registry),
  emailRetentionDays: config.EMAIL_RETENTION_DAYS,
  logger,
});
const sweeper = startSweeper({ db, queue, metrics, afterSeconds: config.EMAIL_SWEEP_AFTER_SECONDS, logger });
const watch = startWatch({ db, queue, metrics, queueMetrics: createQueueMetrics(registry), logger });
const audit = {
  db,
  keys: deriveChainKeys(config.ENCRYPTION_KEY),
  metrics: createAuditMetrics(registry),
  logger,
};
const sealer = startSealer(audit);
const eventApplier = startEventApplier({ db, metrics: createEventMetrics(registry), logger });
const partitionKeeper = startPartitionKeeper({ ...audit, retentionMonths: config.AUDIT_RETENTION_MONTHS });

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  // What the relay would still move goes with another worker's.
  drain: async () => {
    await Promise.all([
      sendEmail.stop(sendingGraceMs(config.SHUTDOWN_DEADLINE_SECONDS)),
      worker.close(),
      relay.stop(),
      sweeper.stop(),
      watch.stop(),
      sealer.stop(),
      partitionKeeper.stop(),
      staleKeys.stop(),
      housekeeping.stop(),
      eventApplier.stop(),
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
    { name: 'email sender', close: () => sender.close() },
  ],
});
logger.info({ concurrency: config.EMAIL_CONCURRENCY, providers: sender.names }, 'started');

/** How long providers are waited for: what is left of the deadline is for writing down what came of it. */
function sendingGraceMs(deadlineSeconds: number): number {
  return (deadlineSeconds - Math.min(5, deadlineSeconds / 2)) * 1000;
}

/** Before anything is taken from it or put into it. Waits for a server that is not up yet. */
async function refuseQueueThatEvicts() {
  await untilConnected(jobsIn);
  try {
    await assertQueuePolicy(jobsIn);
  } catch (error) {
    if (!(error instanceof QueuePolicyError)) throw error;
    logger.fatal(error.message);
    process.exit(1);
  }
}
