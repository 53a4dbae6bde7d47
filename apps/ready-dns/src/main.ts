/** Tells nginx, by DNS, which instances of the app are ready (docs: facts about nginx). */
import { loadConfigOrExit } from '@sv-sdk/config';
import { createLogger, createRegistry, runProcess, startOperationsServer } from '@sv-sdk/telemetry';
import { createDiscovery } from './discovery.ts';
import { Membership } from './membership.ts';
import { createMetrics } from './metrics.ts';
import { createProbe } from './probes.ts';
import { createResponder } from './protocol.ts';
import { startDnsServer } from './server.ts';
import { createWatcher } from './watcher.ts';

const config = loadConfigOrExit([
  'SV_ENV',
  'LOG_LEVEL',
  'SV_VERSION',
  'OPERATIONS_PORT',
  'SHUTDOWN_DEADLINE_SECONDS',
  'READY_DNS_PORT',
  'READY_DNS_SERVICE',
  'READY_DNS_PROBE_PORT',
  'READY_DNS_UPSTREAM',
]);
const logger = createLogger({ service: 'ready-dns', version: config.SV_VERSION, level: config.LOG_LEVEL });
const registry = createRegistry({ service: 'ready-dns', version: config.SV_VERSION });
const membership = new Membership();
const metrics = createMetrics(registry, membership);

const watcher = createWatcher({
  membership,
  discover: createDiscovery({ upstream: config.READY_DNS_UPSTREAM, service: config.READY_DNS_SERVICE }),
  probe: createProbe({ port: config.READY_DNS_PROBE_PORT }),
  logger,
  onChange: metrics.countChange,
});
const dns = await startDnsServer({
  port: config.READY_DNS_PORT,
  respond: createResponder({
    service: config.READY_DNS_SERVICE,
    answer: () => membership.answer,
    onQuery: metrics.countQuery,
  }),
  logger,
});
const operations = await startOperationsServer({
  port: config.OPERATIONS_PORT,
  version: config.SV_VERSION,
  registry,
  isReady: () => membership.complete,
});
watcher.start();
logger.info({ port: dns.port, name: config.READY_DNS_SERVICE }, 'answering');

runProcess({
  logger,
  deadlineSeconds: config.SHUTDOWN_DEADLINE_SECONDS,
  drain: async () => {},
  resources: [
    { name: 'operations server', close: () => operations.close() },
    { name: 'dns server', close: () => dns.close() },
    { name: 'watcher', close: () => watcher.close() },
  ],
});
