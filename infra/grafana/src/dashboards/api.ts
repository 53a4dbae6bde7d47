/** The API: how much it does, how fast and how well, by route and by instance, and what holds it up. */
import type { Page } from '../page.ts';
import { stat, timeSeries } from '../panels.ts';
import { errorRate, responseTime } from '../shared-panels.ts';
import {
  BYTES,
  COUNT,
  COUNT_PER_SECOND,
  OPERATIONS_PER_SECOND,
  RATIO,
  REQUESTS_PER_SECOND,
  SECONDS,
} from '../units.ts';

const INSTANCE = 'job="app", instance=~"$instance"';
const ROUTE = 'job="app", route=~"$route"';

export const api: Page = {
  uid: 'sv-api',
  title: 'API',
  description: 'Requests, response times and errors of the API, by route and by instance.',
  variables: [
    { name: 'instance', label: 'Instance', values: 'label_values(up{job="app"}, instance)' },
    {
      name: 'route',
      label: 'Route',
      values: 'label_values(route:sv_http_requests:rate5m{job="app"}, route)',
    },
  ],
  rows: [
    {
      title: 'All instances',
      panels: [
        responseTime({ columns: 6 }),
        errorRate({ columns: 6 }),
        timeSeries({
          title: 'Requests turned away',
          description:
            'The share of requests that an overloaded app answered with 503 at once, so that the others are served in time.',
          unit: RATIO,
          columns: 6,
          queries: [
            {
              expr: '(sum by (job) (reason:sv_http_requests_shed:rate5m{job="app"}) or 0 * job:sv_http_requests:rate5m{job="app"}) / on (job) (job:sv_http_requests:rate5m > 0)',
              legend: 'turned away',
            },
          ],
          alerts: ['AppSheddingLoad'],
        }),
        timeSeries({
          title: 'Requests counted without Redis',
          description:
            'The share of requests that an instance counted by itself, as Redis did not answer: a caller’s limit is then as many times as high as there are instances.',
          unit: RATIO,
          columns: 6,
          queries: [
            {
              expr: 'sum by (job) (rate(sv_rate_limit_errors_total[5m])) / on (job) (job:sv_http_requests:rate5m{job="app"} > 0)',
              legend: 'counted alone',
            },
          ],
          alerts: ['RateLimitsNotShared'],
        }),
      ],
    },
    {
      title: 'By route',
      panels: [
        timeSeries({
          title: 'Request rate by route',
          description: 'Requests a second to each route of the selection.',
          unit: REQUESTS_PER_SECOND,
          queries: [{ expr: `route:sv_http_requests:rate5m{${ROUTE}}`, legend: '{{route}}' }],
        }),
        timeSeries({
          title: 'Response time by route, p95',
          description: 'All but one request in 20 to the route are answered faster, over 5 minutes.',
          unit: SECONDS,
          queries: [{ expr: `route:sv_http_request_duration_seconds:p95_5m{${ROUTE}}`, legend: '{{route}}' }],
        }),
        timeSeries({
          title: 'Error rate by route',
          description: 'The share of the route’s requests that were answered with a 5xx, over 5 minutes.',
          unit: RATIO,
          queries: [{ expr: `route:sv_http_requests_5xx:ratio_rate5m{${ROUTE}}`, legend: '{{route}}' }],
        }),
      ],
    },
    {
      title: 'By instance',
      panels: [
        timeSeries({
          title: 'Request rate by instance',
          description:
            'Requests a second to each instance. nginx gives the next one to who has the fewest in hand.',
          unit: REQUESTS_PER_SECOND,
          columns: 6,
          queries: [{ expr: `instance:sv_http_requests:rate5m{${INSTANCE}}`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Response time by instance, p95',
          description: 'All but one request in 20 to the instance are answered faster, over 5 minutes.',
          unit: SECONDS,
          columns: 6,
          queries: [
            { expr: `instance:sv_http_request_duration_seconds:p95_5m{${INSTANCE}}`, legend: '{{instance}}' },
          ],
        }),
        timeSeries({
          title: 'Error rate by instance',
          description: 'The share of the instance’s requests that were answered with a 5xx, over 5 minutes.',
          unit: RATIO,
          columns: 6,
          queries: [
            { expr: `instance:sv_http_requests_5xx:ratio_rate5m{${INSTANCE}}`, legend: '{{instance}}' },
          ],
        }),
        timeSeries({
          title: 'Answers by status',
          description:
            'Answers a second by the first digit of their status; `aborted`: the caller went away before the end.',
          unit: REQUESTS_PER_SECOND,
          columns: 6,
          isStacked: true,
          queries: [
            {
              expr: `sum by (status_class) (rate(sv_http_requests_total{${INSTANCE}, route=~"$route", route!~"/health/.+"}[$__rate_interval]))`,
              legend: '{{status_class}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'What holds an instance up',
      panels: [
        timeSeries({
          title: 'CPU by instance',
          description: 'The share of its CPU limit that each instance uses, over 5 minutes.',
          unit: RATIO,
          queries: [{ expr: `instance:process_cpu_seconds:rate5m{${INSTANCE}}`, legend: '{{instance}}' }],
          runbooksOf: ['ScaleAppCpu'],
        }),
        timeSeries({
          title: 'Event loop lag, p99',
          description:
            'How late the event loop was, since the last scrape. It is what every request of the instance waits beside its own work.',
          unit: SECONDS,
          queries: [{ expr: `nodejs_eventloop_lag_p99_seconds{${INSTANCE}}`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Requests in hand',
          description: 'Requests that each instance is answering at this moment.',
          unit: COUNT,
          queries: [{ expr: `sv_http_requests_in_flight{${INSTANCE}}`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Memory by instance',
          description: 'Memory of the process (resident set), and what JavaScript holds of it.',
          unit: BYTES,
          columns: 6,
          queries: [
            { expr: `process_resident_memory_bytes{${INSTANCE}}`, legend: '{{instance}}' },
            { expr: `nodejs_heap_size_used_bytes{${INSTANCE}}`, legend: '{{instance}} heap' },
          ],
        }),
        timeSeries({
          title: 'Garbage collection',
          description: 'The share of its time that each instance spends on collecting garbage.',
          unit: RATIO,
          columns: 6,
          queries: [
            {
              expr: `sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${INSTANCE}}[$__rate_interval]))`,
              legend: '{{instance}}',
            },
          ],
        }),
        timeSeries({
          title: 'Database connections in use',
          description: 'Connections of the instance’s pools that a query or a transaction holds.',
          unit: COUNT,
          columns: 6,
          queries: [
            {
              expr: `sum by (instance, pool) (sv_db_pool_connections{${INSTANCE}, state="in_use"})`,
              legend: '{{instance}} {{pool}}',
            },
          ],
        }),
        timeSeries({
          title: 'Waiting for a database connection',
          description: 'Callers inside the instance that wait for a connection of its pools.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: `sv_db_pool_waiting{${INSTANCE}}`, legend: '{{instance}} {{pool}}' }],
        }),
      ],
    },
    {
      title: 'The way in',
      panels: [
        stat({
          title: 'Ready',
          isTall: true,
          description: 'Instances that nginx sends requests to.',
          unit: COUNT,
          columns: 4,
          queries: [{ expr: 'sv_ready_dns_instances{state="ready"}', legend: 'ready' }],
          alerts: ['NoReadyApp'],
        }),
        stat({
          title: 'Known',
          isTall: true,
          description: 'Instances that Docker knows; those that are not ready start, leave or are ill.',
          unit: COUNT,
          columns: 4,
          queries: [{ expr: 'sv_ready_dns_instances{state="known"}', legend: 'known' }],
        }),
        timeSeries({
          title: 'Changes of the ready instances',
          description: 'How often ready-dns has told nginx other addresses, in 5 minutes.',
          unit: COUNT,
          queries: [{ expr: 'increase(sv_ready_dns_changes_total[5m])', legend: 'changes' }],
        }),
        timeSeries({
          title: 'Requests at nginx',
          description:
            'Requests a second that came to nginx, health checks and what it answers itself included.',
          unit: OPERATIONS_PER_SECOND,
          columns: 4,
          queries: [{ expr: 'rate(nginx_http_requests_total[$__rate_interval])', legend: 'requests' }],
        }),
        timeSeries({
          title: 'Connections at nginx',
          description:
            'Connections of callers by what nginx does with them; `waiting` ones are kept open between requests.',
          unit: COUNT,
          columns: 4,
          isStacked: true,
          queries: ['reading', 'writing', 'waiting'].map((state) => ({
            expr: `nginx_connections_${state}`,
            legend: state,
          })),
        }),
      ],
    },
    {
      title: 'As nginx sees it',
      panels: [
        timeSeries({
          title: 'Answers by status at nginx',
          description:
            'Answers a second by the first digit of the status that the caller got, with what no app was asked for.',
          unit: REQUESTS_PER_SECOND,
          columns: 6,
          isStacked: true,
          queries: [
            {
              expr: 'sum by (status_class) (rate(sv_nginx_requests_total[$__rate_interval]))',
              legend: '{{status_class}}',
            },
          ],
        }),
        timeSeries({
          title: 'Error rate at nginx',
          description: 'The share of requests whose caller got a 5xx, from an app or from nginx itself.',
          unit: RATIO,
          columns: 6,
          queries: [{ expr: 'job:sv_nginx_requests_5xx:ratio_rate5m', legend: '5xx' }],
        }),
        timeSeries({
          title: 'Response time by instance at nginx, p95',
          description:
            'All but one of 20 requests to the instance are answered faster, over 5 minutes, from nginx connecting to it to the last byte: the wait inside the instance included. The address is that on the network `web`.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'upstream:sv_nginx_upstream_duration_seconds:p95_5m', legend: '{{upstream}}' }],
        }),
        timeSeries({
          title: 'Failures by instance at nginx',
          description:
            'The share of what nginx asked of the instance that it answered with a 5xx, or did not answer. Most of it is asked again elsewhere, and no caller sees it. `none`: no instance could be asked.',
          unit: RATIO,
          columns: 6,
          queries: [{ expr: 'upstream:sv_nginx_upstream_requests_5xx:ratio_rate5m', legend: '{{upstream}}' }],
        }),
      ],
    },
    {
      title: 'Certificate',
      panels: [
        timeSeries({
          title: 'Certificate ends in',
          description:
            'How long the certificate lasts that nginx serves: only where the world reaches it by a domain.',
          unit: SECONDS,
          columns: 24,
          queries: [{ expr: 'sv_nginx_certificate_end_timestamp_seconds - time()', legend: 'ends in' }],
          alerts: ['CertificateEndsSoon'],
        }),
      ],
    },
    {
      title: 'Where it reads',
      panels: [
        timeSeries({
          title: 'Reads by server',
          description: 'Reads a second that went to the primary and to replicas, of apps and workers.',
          unit: COUNT_PER_SECOND,
          columns: 12,
          isStacked: true,
          queries: [{ expr: 'sum by (target) (target:sv_db_reads:rate5m)', legend: '{{target}}' }],
          more: 'sv-database',
        }),
        timeSeries({
          title: 'Why it read there',
          description:
            'Reads a second by the reason: to a replica as the caller wrote nothing lately (`none`) or the replica has it (`caught_up`); to the primary after a `recent_write`, or as no replica is in use (`lag`, `down`, `none`).',
          unit: COUNT_PER_SECOND,
          columns: 12,
          queries: [
            {
              expr: `sum by (target, reason) (rate(sv_db_reads_total{${INSTANCE}}[$__rate_interval]))`,
              legend: '{{target}}: {{reason}}',
            },
          ],
          more: 'sv-database',
        }),
      ],
    },
  ],
};
