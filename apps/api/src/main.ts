/** The API: `node apps/api/src/main.ts`. */
import { createApiKeyUsage, createAuth } from '@sv-sdk/auth';
import { createCache, warmUp } from '@sv-sdk/cache';
import { loadConfigOrExit, withCurrentPassword, withPassword } from '@sv-sdk/config';
import { createDatabase } from '@sv-sdk/db';
import { createTemplateCompiler, createTemplateStore } from '@sv-sdk/email';
import { createPermissionStore } from '@sv-sdk/permissions';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { createQueueBoard } from './admin/queue-board.ts';
import { createApp } from './app.ts';
import { createIdempotency } from './endpoint/idempotency.ts';
import { startOverload } from './overload/overload.ts';
import { createRateLimits } from './rate-limits/rate-limits.ts';
import { startReadiness } from './readiness.ts';
import { createRecentWrites } from './recent-writes.ts';
import { createFirstUserPages } from './routes/users/first-page.ts';
import { createUserStore } from './routes/users/load.ts';
import { createEmailWebhooks } from './routes/webhooks/set-up.ts';
import { startServer } from './server.ts';

const config = loadConfigOrExit([
  'SV_ENV',
  'LOG_LEVEL',
  'LOG_SUCCESSES_PER_SECOND',
  'SV_VERSION',
  'HTTP_LISTEN_PORT',
  'OPERATIONS_PORT',
  'DRAIN_SECONDS',
  'SHUTDOWN_DEADLINE_SECONDS',
  'DATABASE_URL',
  'DATABASE_REPLICA_URL',
  'DB_PASSWORD',
  'DB_POOL_MIN',
  'DB_POOL_MAX',
  'REDIS_URL',
  'REDIS_PASSWORD',
  'REDIS_QUEUE_URL',
  'REDIS_QUEUE_PASSWORD',
  'QUEUE_BOARD_READ_ONLY',
  'BETTER_AUTH_SECRET',
  'BETTER_AUTH_URL',
  'ENCRYPTION_KEY',
  'CORS_ORIGIN',
  'AUTH_LINK_BASE_URL',
  'REQUIRE_EMAIL_VERIFICATION',
  'LOGIN_MAX_FAILURES',
  'LOGIN_WINDOW_SECONDS',
  'LOGIN_LOCK_SECONDS',
  'EMAIL_ATTACHMENTS_MAX_BYTES',
  'EMAIL_COST_PER_1000_SMTP',
  'EMAIL_COST_PER_1000_SES',
  'EMAIL_COST_PER_1000_BREVO',
  'EMAIL_COST_PER_1000_SENDGRID',
  'OVERLOAD_EVENT_LOOP_DELAY_MS',
  'OVERLOAD_POOL_WAITING',
  'RATE_LIMIT_PRINCIPAL_PER_MINUTE',
  'RATE_LIMIT_ADDRESS_PER_MINUTE',
  'RATE_LIMIT_SIGN_IN_PER_MINUTE',
  'RATE_LIMIT_WEBHOOK_PER_MINUTE',
  'SES_SNS_TOPIC_ARNS',
  'SENDGRID_WEBHOOK_PUBLIC_KEY',
  'BREVO_WEBHOOK_TOKEN',
]);
const logger = createLogger({ service: 'app', version: config.SV_VERSION, level: config.LOG_LEVEL });
const registry = createRegistry({ service: 'app', version: config.SV_VERSION });
const cache = createCache({ url: withPassword(config.REDIS_URL, config.REDIS_PASSWORD), logger, registry });
const db = createDatabase({
  primaryUrl: withCurrentPassword(config.DATABASE_URL, 'DB_PASSWORD'),
  replicaUrls: config.DATABASE_REPLICA_URL.map((url) => withCurrentPassword(url, 'DB_PASSWORD')),
  poolMin: config.DB_POOL_MIN,
  poolMax: config.DB_POOL_MAX,
  logger,
  registry,
  recentWrites: createRecentWrites(cache),
  onStaleKeys: async (keys) => {
    await cache.publish(keys);
  },
});
const permissions = createPermissionStore({ db, cache, registry });
const users = createUserStore({ db, cache });
const firstUserPages = createFirstUserPages({ db, cache });
const templates = createTemplateStore({ db, cache });
const templateCompiler = createTemplateCompiler();
const usage = createApiKeyUsage({ db, logger });
const auth = await createAuth({
  db,
  cache,
  permissions,
  usage,
  secrets: config.BETTER_AUTH_SECRET,
  baseUrl: config.BETTER_AUTH_URL,
  requireEmailVerification: config.REQUIRE_EMAIL_VERIFICATION,
  loginLimits: {
    maxFailures: config.LOGIN_MAX_FAILURES,
    windowSeconds: config.LOGIN_WINDOW_SECONDS,
    lockSeconds: config.LOGIN_LOCK_SECONDS,
  },
  logger,
});
const rateLimits = createRateLimits({
  limits: {
    principalPerMinute: config.RATE_LIMIT_PRINCIPAL_PER_MINUTE,
    addressPerMinute: config.RATE_LIMIT_ADDRESS_PER_MINUTE,
    signInPerMinute: config.RATE_LIMIT_SIGN_IN_PER_MINUTE,
    webhookPerMinute: config.RATE_LIMIT_WEBHOOK_PER_MINUTE,
  },
  secret: config.BETTER_AUTH_SECRET[0],
  redisUrl: withPassword(config.REDIS_URL, config.REDIS_PASSWORD),
  logger,
  registry,
});
// Also connections: the balancer gives the newest instance the most, as it has the fewest requests. That fewer are turned
// away for it is not shown: from 2 instances to 5 at 150 a second on 2 cores, 304 before; 0 and 453 in two runs after.
await warmUp(
  {
    roles: () => permissions.warm(),
    templates: () => templates.warm(),
    connections: () => db.warm(),
  },
  logger,
);
const readiness = startReadiness({
  checks: [
    { name: 'database', required: true, probe: () => db.ping() },
    // Without its cache the app is slower, and right.
    { name: 'cache', required: false, probe: () => cache.ping() },
  ],
  logger,
});
const overload = startOverload({
  limits: {
    eventLoopDelayMs: config.OVERLOAD_EVENT_LOOP_DELAY_MS,
    poolWaiting: config.OVERLOAD_POOL_WAITING,
  },
  db,
  registry,
});
const queueBoard = createQueueBoard({
  url: withPassword(config.REDIS_QUEUE_URL, config.REDIS_QUEUE_PASSWORD),
  isReadOnly: config.QUEUE_BOARD_READ_ONLY,
  logger,
});
const app = createApp({
  auth,
  db,
  permissions,
  users,
  firstUserPages,
  templates,
  templateCompiler,
  idempotency: createIdempotency({ db, secrets: config.ENCRYPTION_KEY }),
  logger,
  registry,
  rateLimits,
  readiness,
  overload,
  emailWebhooks: createEmailWebhooks({
    sesSnsTopicArns: config.SES_SNS_TOPIC_ARNS,
    sendGridPublicKey: config.SENDGRID_WEBHOOK_PUBLIC_KEY,
    brevoTokens: config.BREVO_WEBHOOK_TOKEN,
  }),
  queueBoard,
  settings: {
    baseUrl: config.BETTER_AUTH_URL,
    linkBaseUrl: config.AUTH_LINK_BASE_URL ?? config.BETTER_AUTH_URL,
    corsOrigins: config.CORS_ORIGIN,
    version: config.SV_VERSION,
    logSuccessesPerSecond: config.LOG_SUCCESSES_PER_SECOND,
    attachmentsMaxBytes: config.EMAIL_ATTACHMENTS_MAX_BYTES,
    emailCosts: {
      smtp: config.EMAIL_COST_PER_1000_SMTP,
      ses: config.EMAIL_COST_PER_1000_SES,
      brevo: config.EMAIL_COST_PER_1000_BREVO,
      sendgrid: config.EMAIL_COST_PER_1000_SENDGRID,
    },
  },
});
const server = await startServer(app, {
  port: config.HTTP_LISTEN_PORT,
  version: config.SV_VERSION,
  readiness,
});
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  version: config.SV_VERSION,
  registry,
  isReady: () => readiness.snapshot().ready,
});
logger.info({ port: server.port, operationsPort: operations.port }, 'listening');

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  drain: () => server.drain(config.DRAIN_SECONDS),
  resources: [
    { name: 'cache', close: () => cache.close() },
    { name: 'template compiler', close: () => templateCompiler.close() },
    { name: 'rate limits', close: () => rateLimits.close() },
    { name: 'database', close: () => db.close() },
    { name: 'API key usage', close: () => usage.close() },
    { name: 'readiness', close: () => readiness.close() },
    { name: 'overload', close: async () => overload.close() },
    { name: 'queue board', close: () => queueBoard.close() },
    { name: 'server', close: () => server.close() },
    { name: 'operations server', close: () => operations.close() },
  ],
});
