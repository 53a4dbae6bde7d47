/**
 * The scaling guide's triggers beside its auto-scaling rules: what it says to watch, of each part of the stack, and where
 * the stack measures it. The alerts of infra/prometheus/rules have the same thresholds (test/static/scaling.test.ts).
 */
export interface Trigger {
  readonly name: string;
  /** The part of the stack that it calls to scale. */
  readonly part: 'app' | 'worker' | 'database' | 'redis' | 'host';
  readonly label: string;
  /** One value, now. No value: nobody measures it, or there was nothing to measure. */
  readonly expression: string;
  readonly threshold: number;
  readonly unit: 'ratio' | 'seconds' | 'emails' | 'bytes';
  /** Raised at the same threshold. */
  readonly alert?: string;
  /** No figure means that too little happens to speak of one (a share of no requests), and not that nobody looks. */
  readonly isFineWhenAbsent?: boolean;
}

const GIBIBYTE = 1024 ** 3;

export const triggers: readonly Trigger[] = [
  {
    name: 'errorRate',
    part: 'app',
    label: 'requests that fail (5xx)',
    expression:
      'max(job:sv_http_requests_5xx:ratio_rate5m{job="app"} and on (job) job:sv_http_requests:increase5m_judged)',
    threshold: 0.05,
    unit: 'ratio',
    alert: 'AppErrorRateHigh',
    isFineWhenAbsent: true,
  },
  {
    name: 'responseTimeAlert',
    part: 'app',
    label: 'response time, p95 of 5 minutes',
    expression:
      'max(job:sv_http_request_duration_seconds:p95_5m{job="app"} and on (job) job:sv_http_requests:increase5m_judged)',
    threshold: 1,
    unit: 'seconds',
    alert: 'AppResponseTimeHigh',
    isFineWhenAbsent: true,
  },
  {
    name: 'queueDepth',
    part: 'worker',
    label: 'queue depth',
    expression: 'max(job:sv_queue_depth:max)',
    threshold: 10_000,
    unit: 'emails',
    alert: 'QueueDepthHigh',
  },
  {
    name: 'jobTime',
    part: 'worker',
    label: 'time of a job, p95 of 5 minutes',
    expression:
      'max(job:sv_queue_processing_seconds:p95_5m and on (job) job:sv_queue_processing_seconds_count:increase5m_judged)',
    threshold: 5,
    unit: 'seconds',
    alert: 'ScaleWorkerJobTime',
    isFineWhenAbsent: true,
  },
  {
    name: 'workerCpu',
    part: 'worker',
    label: 'CPU of the workers, average of 5 minutes',
    expression: 'max(job:process_cpu_seconds:avg_rate5m{job="worker"})',
    threshold: 0.8,
    unit: 'ratio',
    alert: 'ScaleWorkerCpu',
  },
  {
    // Of the node that uses most. A server elsewhere has no figure here: its provider has.
    name: 'databaseCpu',
    part: 'database',
    label: 'CPU of the database, of its limit',
    expression: 'max(instance:pg_container_cpu:ratio_rate5m)',
    threshold: 0.8,
    unit: 'ratio',
    alert: 'DatabaseCpuHigh',
  },
  {
    name: 'reads',
    part: 'database',
    label: 'requests that only read',
    expression:
      'sum(rate(sv_http_requests_total{job="app", method="GET", route!~"/health/.+"}[5m])) / (sum(job:sv_http_requests:rate5m{job="app"} and on (job) job:sv_http_requests:increase5m_judged) > 0)',
    threshold: 0.7,
    unit: 'ratio',
    alert: 'ScaleDatabaseReads',
    isFineWhenAbsent: true,
  },
  {
    name: 'connections',
    part: 'database',
    label: 'connections of Postgres',
    expression: 'max(instance:pg_connections:ratio)',
    threshold: 0.8,
    unit: 'ratio',
    alert: 'DatabaseConnectionsHigh',
  },
  {
    name: 'poolClients',
    part: 'database',
    label: 'client connections of PgBouncer',
    expression: 'max(instance:pgbouncer_clients:ratio)',
    threshold: 0.8,
    unit: 'ratio',
    alert: 'PgbouncerClientsHigh',
  },
  {
    name: 'cacheMemory',
    part: 'redis',
    label: 'memory of the cache',
    expression: 'max(instance:redis_memory_used:ratio{role="cache"})',
    threshold: 0.9,
    unit: 'ratio',
    alert: 'RedisMemoryHigh',
  },
  {
    name: 'queueMemory',
    part: 'redis',
    label: 'memory of the queue',
    expression: 'max(instance:redis_memory_used:ratio{role="queue"})',
    threshold: 0.9,
    unit: 'ratio',
    alert: 'RedisMemoryHigh',
  },
  {
    name: 'redisData',
    part: 'redis',
    label: 'data of the largest Redis',
    expression: 'max(redis_memory_used_bytes)',
    threshold: 50 * GIBIBYTE,
    unit: 'bytes',
  },
  {
    name: 'hostMemory',
    part: 'host',
    label: 'memory of the host',
    expression: 'max(instance:node_memory_used:ratio)',
    threshold: 0.8,
    unit: 'ratio',
    alert: 'ScaleHostMemory',
  },
];
