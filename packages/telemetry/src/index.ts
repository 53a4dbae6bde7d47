export { describeError } from './describe-error.ts';
export { createLogger, type Logger } from './logger.ts';
export { MASK, maskLine, maskSecrets } from './mask-secrets.ts';
export { createRegistry, DURATION_BUCKETS_SECONDS } from './metrics.ts';
export { type OperationsServer, startOperationsServer } from './operations-server.ts';
export { type Resource, runProcess } from './process.ts';
