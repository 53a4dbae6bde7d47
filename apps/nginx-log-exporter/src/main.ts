/** Counts what nginx logs, for Prometheus: statuses, and which instance answered how fast (ADR 0043); and tells how long its certificate lasts. */
import { loadConfigOrExit } from '@sv-sdk/config';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { watchCertificate } from './certificate.ts';
import { createMetrics } from './metrics.ts';
import { startReceiver } from './receiver.ts';
import { readRequest } from './request-line.ts';

const config = loadConfigOrExit([
  'SV_ENV',
  'LOG_LEVEL',
  'SV_VERSION',
  'OPERATIONS_PORT',
  'SHUTDOWN_DEADLINE_SECONDS',
  'NGINX_LOG_PORT',
  'NGINX_TLS_ADDRESS',
  'DOMAIN',
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
const certificate =
  config.NGINX_TLS_ADDRESS === undefined || config.DOMAIN === undefined
    ? undefined
    : watchCertificate({
        address: config.NGINX_TLS_ADDRESS,
        serverName: config.DOMAIN,
        logger,
        onEnd: metrics.setCertificateEnd,
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
    { name: 'certificate', close: async () => certificate?.close() },
  ],
});
