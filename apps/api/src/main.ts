/** The API: `node apps/api/src/main.ts`. */
import { createApiKeyUsage, createAuth } from '@sv-sdk/auth';
import { createCache, warmUp } from '@sv-sdk/cache';
import { loadConfigOrExit, withPassword } from '@sv-sdk/config';
import { createDatabase } from '@sv-sdk/db';
import { createPermissionStore } from '@sv-sdk/permissions';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { createApp } from './app.ts';
import { createIdempotency } from './endpoint/idempotency.ts';
import { createRateLimits } from './rate-limits/rate-limits.ts';
import { startReadiness } from './readiness.ts';
import { createRecentWrites } from './recent-writes.ts';
import { createUserStore } from './routes/users/load.ts';
import { startServer } from './server.ts';

const config = loadConfigOrExit([
  'LOG_LEVEL',
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
  'BETTER_AUTH_SECRET',
  'BETTER_AUTH_URL',
  'ENCRYPTION_KEY',
  'CORS_ORIGIN',
  'AUTH_LINK_BASE_URL',
  'REQUIRE_EMAIL_VERIFICATION',
  'LOGIN_MAX_FAILURES',
  'LOGIN_WINDOW_SECONDS',
  'LOGIN_LOCK_SECONDS',
  'RATE_LIMIT_PRINCIPAL_PER_MINUTE',
  'RATE_LIMIT_ADDRESS_PER_MINUTE',
  'RATE_LIMIT_SIGN_IN_PER_MINUTE',
]);
const logger = createLogger({ service: 'app', version: config.SV_VERSION, level: config.LOG_LEVEL });
const registry = createRegistry({ service: 'app', version: config.SV_VERSION });
const cache = createCache({ url: withPassword(config.REDIS_URL, config.REDIS_PASSWORD), logger, registry });
const db = createDatabase({
  primaryUrl: withPassword(config.DATABASE_URL, config.DB_PASSWORD),
  ...(config.DATABASE_REPLICA_URL !== undefined && {
    replicaUrl: withPassword(config.DATABASE_REPLICA_URL, config.DB_PASSWORD),
  }),
  poolMin: config.DB_POOL_MIN,
  poolMax: config.DB_POOL_MAX,
  logger,
  registry,
  recentWrites: createRecentWrites(cache),
  onStaleKeys: async (keys) => {
    await cache.publish(keys);
  },
});
const permissions = createPermissionStore({ db, cache });
const users = createUserStore({ db, cache });
const usage = createApiKeyUsage({ db, logger });
const auth = await createAuth({
  db,
  cache,
  permissions,
  usage,
  secret: config.BETTER_AUTH_SECRET,
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
  },
  secret: config.BETTER_AUTH_SECRET,
  redisUrl: withPassword(config.REDIS_URL, config.REDIS_PASSWORD),
  logger,
  registry,
});
await warmUp({ roles: () => permissions.warm() }, logger);
const readiness = startReadiness({
  checks: [
    { name: 'database', required: true, probe: () => db.ping() },
    // Without its cache the app is slower, and right.
    { name: 'cache', required: false, probe: () => cache.ping() },
  ],
  logger,
});
const app = createApp({
  auth,
  db,
  permissions,
  users,
  idempotency: createIdempotency({ db, secret: config.ENCRYPTION_KEY }),
  logger,
  registry,
  rateLimits,
  readiness,
  settings: {
    baseUrl: config.BETTER_AUTH_URL,
    linkBaseUrl: config.AUTH_LINK_BASE_URL ?? config.BETTER_AUTH_URL,
    corsOrigins: config.CORS_ORIGIN,
    version: config.SV_VERSION,
  },
});
const server = await startServer(app, {
  port: config.HTTP_LISTEN_PORT,
  version: config.SV_VERSION,
  readiness,
});
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
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
    { name: 'rate limits', close: () => rateLimits.close() },
    { name: 'database', close: () => db.close() },
    { name: 'API key usage', close: () => usage.close() },
    { name: 'readiness', close: () => readiness.close() },
    { name: 'server', close: () => server.close() },
    { name: 'operations server', close: () => operations.close() },
  ],
});
