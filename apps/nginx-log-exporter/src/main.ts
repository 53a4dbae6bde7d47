/** Counts what nginx logs, for Prometheus: statuses, and which instance answered how fast (ADR 0043). */
import { loadConfigOrExit } from '@sv-sdk/config';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { createMetrics } from './metrics.ts';
import { startReceiver } from './receiver.ts';
import { readRequest } from './request-line.ts';

const config = loadConfigOrExit([
  'LOG_LEVEL',
  'SV_VERSION',
  'OPERATIONS_PORT',
  'SHUTDOWN_DEADLINE_SECONDS',
  'NGINX_LOG_PORT',
]);
const service = 'nginx-log-exporter';
const logger = createLogger({ service, version: config.SV_VERSION, level: config.LOG_LEVEL });
const registry = createRegistry({ service, version: config.SV_VERSION });
const metrics = createMetrics(registry);
const receiver = await startReceiver({
  port: config.NGINX_LOG_PORT,
  logger,
  onMessage(message) {
    const request = readRequest(message);
    if (request === undefined) metrics.countUnreadable();
    else metrics.count(request);
  },
});
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  version: config.SV_VERSION,
  registry,
  isReady: () => true,
});
logger.info({ port: receiver.port }, 'listening');

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  drain: async () => {},
  resources: [
    { name: 'operations server', close: () => operations.close() },
    { name: 'receiver', close: () => receiver.close() },
  ],
});
