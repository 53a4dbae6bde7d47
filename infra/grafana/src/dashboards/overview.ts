/** The scaling guide's "key metrics to watch", its four groups in its order, below what is wrong now. */
import type { Page } from '../page.ts';
import { stat, table, timeSeries } from '../panels.ts';
import {
  cacheHits,
  commandLatency,
  databaseCpu,
  databaseLatency,
  deadLetters,
  errorRate,
  evictions,
  longestTransaction,
  poolUse,
  processCpu,
  processingRate,
  processMemory,
  queueDepth,
  redisMemory,
  replayLag,
  responseTime,
} from '../shared-panels.ts';
import { COUNT, REQUESTS_PER_SECOND, SECONDS } from '../units.ts';

export const overview: Page = {
  uid: 'sv-overview',
  title: 'Overview',
  description: 'Is the platform well? What is wrong now, and the scaling guide’s metrics of each part.',
  rows: [
    {
      title: 'Now',
      panels: [
        table({
          title: 'Alerts that fire',
          description:
            'Every alert that Prometheus holds to be true now. The runbook of each is in docs/runbooks.',
          unit: COUNT,
          columns: 12,
          queries: [{ expr: 'ALERTS{alertstate="firing"}', legend: '{{alertname}}' }],
          labels: ['alertname', 'severity', 'job', 'instance'],
          noValue: 'No alert fires',
        }),
        stat({
          title: 'Apps ready',
          isTall: true,
          description: 'Instances of the API to which nginx sends requests, as ready-dns counts them.',
          unit: COUNT,
          columns: 4,
          queries: [{ expr: 'sv_ready_dns_instances{state="ready"}', legend: 'ready' }],
          alerts: ['NoReadyApp'],
          more: 'sv-api',
        }),
        stat({
          title: 'Workers up',
          isTall: true,
          description: 'Email workers that answer Prometheus.',
          unit: COUNT,
          columns: 4,
          queries: [{ expr: 'count(up{job="worker"} == 1)', legend: 'up' }],
          more: 'sv-email',
        }),
        stat({
          title: 'Down',
          isTall: true,
          description:
            'What should be watched and does not answer Prometheus: instances, exporters and the servers behind them. The autoscaler is left out, as it is off in most stacks.',
          unit: COUNT,
          columns: 4,
          queries: [
            {
              expr: 'count(up{job!="autoscaler"} == 0 or pg_up == 0 or pgbouncer_up == 0 or redis_up == 0 or nginx_up == 0) or vector(0)',
              legend: 'down',
            },
          ],
          runbooksOf: ['InstanceDown', 'TargetMissing'],
          more: 'sv-host',
        }),
        stat({
          title: 'Versions',
          description:
            'Processes of the platform by the version that they run. More than one version of a service is a deploy under way.',
          unit: COUNT,
          columns: 24,
          queries: [
            { expr: 'count by (service, version) (sv_build_info)', legend: '{{service}} {{version}}' },
          ],
          showsNames: true,
        }),
      ],
    },
    {
      title: 'Application',
      panels: [
        responseTime({ columns: 6, more: 'sv-api' }),
        errorRate({ columns: 6, more: 'sv-api' }),
        timeSeries({
          title: 'Request rate',
          description: 'Requests a second to the API, without health checks.',
          unit: REQUESTS_PER_SECOND,
          columns: 4,
          queries: [{ expr: 'job:sv_http_requests:rate5m{job="app"}', legend: 'requests' }],
          more: 'sv-api',
        }),
        processCpu({ columns: 4 }),
        processMemory({ columns: 4 }),
      ],
    },
    {
      title: 'Database',
      panels: [
        databaseCpu({ columns: 4, more: 'sv-database' }),
        poolUse({ columns: 5, more: 'sv-pgbouncer' }),
        databaseLatency({ columns: 5, more: 'sv-database' }),
        longestTransaction({ columns: 5, more: 'sv-database' }),
        replayLag({ columns: 5, more: 'sv-database' }),
      ],
    },
    {
      title: 'Redis',
      panels: [
        redisMemory({ columns: 6, more: 'sv-redis' }),
        cacheHits({ columns: 6, more: 'sv-redis' }),
        commandLatency({ columns: 6, more: 'sv-redis' }),
        evictions({ columns: 6, more: 'sv-redis' }),
      ],
    },
    {
      title: 'Queue',
      panels: [
        queueDepth({ columns: 6, more: 'sv-email' }),
        processingRate({ columns: 6, more: 'sv-email' }),
        timeSeries({
          title: 'Job latency, p95',
          description:
            'Of 20 emails the slowest but one: how long it waited for a worker, and how long the attempt at it took.',
          unit: SECONDS,
          columns: 6,
          queries: [
            { expr: 'job:sv_queue_wait_seconds:p95_5m', legend: 'wait' },
            { expr: 'job:sv_queue_processing_seconds:p95_5m', legend: 'attempt' },
          ],
          runbooksOf: ['ScaleWorkerWait', 'ScaleWorkerJobTime'],
          more: 'sv-email',
        }),
        deadLetters({ columns: 6, more: 'sv-email' }),
      ],
    },
  ],
};
