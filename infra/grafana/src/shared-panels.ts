/** Panels that stand on the Overview and on the page of their part. */
import type { Uid } from './names.ts';
import { timeSeries } from './panels.ts';
import { DATABASE_QUERY_P95_SECONDS } from './targets.ts';
import { COUNT, COUNT_PER_SECOND, RATIO, SECONDS } from './units.ts';

interface Place {
  readonly columns?: number;
  readonly more?: Uid;
}

export const responseTime = (place: Place = {}) =>
  timeSeries({
    title: 'Response time',
    description:
      'From the request line to the last byte of the answer, over 5 minutes, without health checks: half of the requests are faster than p50, all but one in 20 than p95, all but one in 100 than p99.',
    unit: SECONDS,
    queries: ['p50', 'p95', 'p99'].map((percentile) => ({
      expr: `job:sv_http_request_duration_seconds:${percentile}_5m{job="app"}`,
      legend: percentile,
    })),
    alerts: ['AppResponseTimeHigh', 'ScaleAppResponseTime'],
    ...place,
  });

export const errorRate = (place: Place = {}) =>
  timeSeries({
    title: 'Error rate',
    description: 'The share of requests that were answered with a 5xx, over 5 minutes.',
    unit: RATIO,
    queries: [{ expr: 'job:sv_http_requests_5xx:ratio_rate5m{job="app"}', legend: '5xx' }],
    alerts: ['AppErrorRateHigh'],
    ...place,
  });

export const processCpu = (place: Place = {}) =>
  timeSeries({
    title: 'CPU',
    description:
      'The share of their CPU limit that the apps and the workers use, on average of their instances.',
    unit: RATIO,
    queries: [{ expr: 'job:process_cpu_seconds:avg_rate5m', legend: '{{job}}' }],
    alerts: ['ScaleAppCpu', 'ScaleWorkerCpu'],
    ...place,
  });

export const processMemory = (place: Place = {}) =>
  timeSeries({
    title: 'Memory',
    description:
      'The share of their memory limit that the apps and the workers use, on average of their instances.',
    unit: RATIO,
    queries: [{ expr: 'job:process_memory_used:avg_ratio', legend: '{{job}}' }],
    alerts: ['ScaleAppMemory'],
    ...place,
  });

export const databaseCpu = (place: Place = {}) =>
  timeSeries({
    title: 'CPU of the database',
    description: 'The share of its CPU limit that each node uses, over 5 minutes.',
    unit: RATIO,
    queries: [{ expr: 'instance:pg_container_cpu:ratio_rate5m', legend: '{{instance}}' }],
    alerts: ['DatabaseCpuHigh'],
    ...place,
  });

export const poolUse = (place: Place = {}) =>
  timeSeries({
    title: 'Connection pools in use',
    description:
      'The share of PgBouncer’s server connections that a transaction holds, by pool (`sv` is the primary, `sv_ro` the replica). At 100 % whoever comes next waits.',
    unit: RATIO,
    queries: [{ expr: 'database:pgbouncer_pool_used:ratio', legend: '{{database}}' }],
    runbooksOf: ['PgbouncerClientsWaiting'],
    ...place,
  });

export const databaseLatency = (place: Place = {}) =>
  timeSeries({
    title: 'Query latency',
    description:
      'How long statements of the apps took, from the call to the last row, over 5 minutes; the wait for a connection is not in it. The guide’s target is of the p95.',
    unit: SECONDS,
    queries: ['p50', 'p95', 'p99'].map((percentile) => ({
      expr: `job:sv_db_statement_duration_seconds:${percentile}_5m{job="app"}`,
      legend: percentile,
    })),
    targets: [DATABASE_QUERY_P95_SECONDS],
    ...place,
  });

/** The console's own queries are left out. */
export const meanQuerySeconds = (databases: string) => {
  const rate = (counter: string) =>
    `sum by (database) (rate(pgbouncer_stats_totals_${counter}{database=~"${databases}", database!="pgbouncer"}[$__rate_interval]))`;
  return `${rate('queries_duration_seconds_total')} / (${rate('queries_pooled_total')} > 0)`;
};

export const longestTransaction = (place: Place = {}) =>
  timeSeries({
    title: 'Longest transaction',
    description:
      'The age of the oldest transaction that runs now, by node: a slow query, a lock that is waited for, a backup. Postgres logs every query of more than 500 ms.',
    unit: SECONDS,
    queries: [
      { expr: 'max by (instance) (pg_stat_activity_max_tx_duration{datname="sv"})', legend: '{{instance}}' },
    ],
    ...place,
  });

export const replayLag = (place: Place = {}) =>
  timeSeries({
    title: 'Replication lag',
    description:
      'How old the last transaction is that a replica has replayed; 0 when it has replayed all that it received.',
    unit: SECONDS,
    queries: [{ expr: 'instance:pg_replication_lag_seconds:max', legend: '{{instance}}' }],
    alerts: ['ReplicaLagTime'],
    ...place,
  });

export const redisMemory = (place: Place = {}) =>
  timeSeries({
    title: 'Memory of Redis',
    description:
      'The share of maxmemory that each server uses. A full cache evicts; a full queue refuses jobs.',
    unit: RATIO,
    queries: [{ expr: 'instance:redis_memory_used:ratio', legend: '{{instance}}' }],
    alerts: ['RedisMemoryHigh'],
    ...place,
  });

export const cacheHits = (place: Place = {}) =>
  timeSeries({
    title: 'Cache hits',
    description: 'The share of look-ups that were answered from memory or Redis, by kind of key.',
    unit: RATIO,
    queries: [{ expr: 'kind:sv_cache_hits:ratio_rate5m{job="app"}', legend: '{{kind}}' }],
    ...place,
  });

export const commandLatency = (place: Place = {}) =>
  timeSeries({
    title: 'Command latency, mean',
    description: 'How long a command took inside the server, on average, without the network.',
    unit: SECONDS,
    queries: [{ expr: 'instance:redis_command_duration_seconds:mean5m', legend: '{{instance}}' }],
    ...place,
  });

export const evictions = (place: Place = {}) =>
  timeSeries({
    title: 'Evictions',
    description:
      'Keys a second that a server threw away to stay below maxmemory. That is a cache’s work; the queue must have none.',
    unit: COUNT_PER_SECOND,
    queries: [{ expr: 'instance:redis_evicted_keys:rate5m', legend: '{{instance}}' }],
    runbooksOf: ['QueueRedisEvicting'],
    ...place,
  });

export const queueDepth = (place: Place = {}) =>
  timeSeries({
    title: 'Queue depth',
    description: 'Emails that are due and not sent, in the outbox and in the queue, counted up to 100,000.',
    unit: COUNT,
    queries: [{ expr: 'job:sv_queue_depth:max', legend: 'emails' }],
    alerts: ['QueueDepthHigh'],
    ...place,
  });

export const processingRate = (place: Place = {}) =>
  timeSeries({
    title: 'Processing rate',
    description: 'Attempts at emails a second, of all workers.',
    unit: COUNT_PER_SECOND,
    queries: [{ expr: 'job:sv_queue_processing_seconds_count:rate5m', legend: 'attempts' }],
    ...place,
  });

export const deadLetters = (place: Place = {}) =>
  timeSeries({
    title: 'Failed jobs',
    description: 'Emails of the last 15 minutes that have failed for good.',
    unit: COUNT,
    queries: [{ expr: 'job:sv_email_dead_letters:increase15m', legend: 'failed for good' }],
    runbooksOf: ['DeadLetters'],
    ...place,
  });
