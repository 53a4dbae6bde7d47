/** Keeps the numbers of apps and workers to what is measured (docs/operations/autoscaling.md). */
import { instanceConnections, isPooled, loadConfigOrExit } from '@sv-sdk/config';
import { createPrometheus, RULE_SETTINGS, rulesFrom } from '@sv-sdk/scaling';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { createEngine } from './engine.ts';
import { createFleet } from './fleet.ts';
import { createLoop } from './loop.ts';
import { createMetrics } from './metrics.ts';
import { createRound } from './round.ts';

const config = loadConfigOrExit([
  'SV_ENV',
  'LOG_LEVEL',
  'SV_VERSION',
  'OPERATIONS_PORT',
  'SHUTDOWN_DEADLINE_SECONDS',
  'PROMETHEUS_URL',
  'DOCKER_SOCKET',
  'COMPOSE_PROJECT_NAME',
  'AUTOSCALE_DRY_RUN',
  'AUTOSCALE_INTERVAL_SECONDS',
  'AUTOSCALE_HOST_CPU_MAX_PERCENT',
  'AUTOSCALE_HOST_MEMORY_MAX_PERCENT',
  'AUTOSCALE_POOL_MAX_PERCENT',
  'DATABASE_URL',
  'DATABASE_REPLICA_URL',
  'PGBOUNCER_CONSOLE_URL',
  'DB_POOL_MAX',
  ...RULE_SETTINGS,
]);
const logger = createLogger({ service: 'autoscaler', version: config.SV_VERSION, level: config.LOG_LEVEL });
const registry = createRegistry({ service: 'autoscaler', version: config.SV_VERSION });
const isDryRun = config.AUTOSCALE_DRY_RUN;
const metrics = createMetrics(registry, { isDryRun });
const stop = new AbortController();

const engine = createEngine({ socketPath: config.DOCKER_SOCKET, signal: stop.signal });
const round = createRound({
  rules: rulesFrom(config),
  budget: {
    memoryMaxRatio: config.AUTOSCALE_HOST_MEMORY_MAX_PERCENT / 100,
    cpuMaxRatio: config.AUTOSCALE_HOST_CPU_MAX_PERCENT / 100,
    poolMaxRatio: config.AUTOSCALE_POOL_MAX_PERCENT / 100,
    connections: instanceConnections(
      { isPooled: isPooled(config), replicas: config.DATABASE_REPLICA_URL.length },
      config.DB_POOL_MAX,
    ),
  },
  isPooled: isPooled(config),
  isDryRun,
  fleet: createFleet(engine, config.COMPOSE_PROJECT_NAME),
  prometheus: createPrometheus(config.PROMETHEUS_URL),
  metrics,
  logger,
});
const loop = createLoop({
  round,
  intervalSeconds: config.AUTOSCALE_INTERVAL_SECONDS,
  stop,
  onFailure: metrics.countFailure,
  logger,
});
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  version: config.SV_VERSION,
  registry,
  // It has nobody to serve. That its rounds fail is a metric and an alert, and a restart would mend none of it.
  isReady: () => true,
});
loop.start();
logger.info({ project: config.COMPOSE_PROJECT_NAME, isDryRun }, 'watching');

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  drain: async () => {},
  resources: [
    { name: 'operations server', close: () => operations.close() },
    { name: 'loop', close: () => loop.close() },
  ],
});
