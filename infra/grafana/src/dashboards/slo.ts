/** What the scaling guide promises, beside what is measured. */
import type { Page } from '../page.ts';
import { stat, timeSeries } from '../panels.ts';
import { errorRate } from '../shared-panels.ts';
import {
  API_LATENCY_P95_SECONDS,
  DATABASE_QUERY_P95_SECONDS,
  EMAILS_PER_SECOND,
  PERMISSION_CHECK_SECONDS,
} from '../targets.ts';
import { COUNT, COUNT_PER_SECOND, RATIO, SECONDS } from '../units.ts';

const REQUESTS = 'sv_http_requests_total{job="app", route!~"/health/.+"}';
const FAILURES = 'sv_http_requests_total{job="app", route!~"/health/.+", status_class="5xx"}';
const BUCKETS = (le: string) =>
  `sv_http_request_duration_seconds_bucket{job="app", route!~"/health/.+", le="${le}"}`;

/** Each has an alert of its own. */
const BURN_WINDOWS = ['1h', '6h', '1d', '3d'];

const answeredWithin = (window: string) =>
  `sum(increase(${BUCKETS(String(API_LATENCY_P95_SECONDS.value))}[${window}])) / (sum(increase(${BUCKETS('+Inf')}[${window}])) > 0)`;

export const slo: Page = {
  uid: 'sv-slo',
  title: 'SLO',
  description: 'The scaling guide’s targets beside what is measured, over the time range of the page.',
  rows: [
    {
      title: 'The error budget',
      panels: [
        stat({
          title: 'Error budget left',
          description:
            'Of the failures that the promise allows in 14 days, the share that is left. 0 % is none, and below it more has failed than was promised.',
          unit: RATIO,
          isTall: true,
          queries: [{ expr: 'job:slo_error_budget_left:ratio14d{job="app"}', legend: 'left' }],
        }),
        timeSeries({
          title: 'Error budget, how fast it is used up',
          description:
            'How many times faster than allowed requests fail, over windows of different length. At 1 the budget is gone when its time is.',
          unit: COUNT,
          columns: 16,
          queries: BURN_WINDOWS.map((window) => ({
            expr: `job:slo_burn_rate:ratio${window}{job="app"}`,
            legend: window,
          })),
          alerts: BURN_WINDOWS.map((window) => `ErrorBudgetBurning (${window})`),
        }),
      ],
    },
    {
      title: 'Over the time range of the page',
      panels: [
        stat({
          title: 'Requests without failure',
          description: 'The share of requests that were not answered with a 5xx.',
          unit: RATIO,
          queries: [
            {
              expr: `1 - (sum(increase(${FAILURES}[$__range])) or vector(0)) / (sum(increase(${REQUESTS}[$__range])) > 0)`,
              legend: 'without failure',
            },
          ],
          more: 'sv-api',
        }),
        stat({
          title: 'Requests within the latency target',
          description:
            'The share of requests that were answered within the guide’s 100 ms. Its target of p95 is met while this is 95 % or more.',
          unit: RATIO,
          queries: [{ expr: answeredWithin('$__range'), legend: 'in time' }],
          more: 'sv-api',
        }),
        stat({
          title: 'Cache hits',
          description: 'The share of look-ups that the cache answered, from memory or from Redis.',
          unit: RATIO,
          queries: [
            { expr: 'avg_over_time(job:sv_cache_hits:ratio15m{job="app"}[$__range])', legend: 'hits' },
          ],
          alerts: ['CacheHitRateLow'],
          more: 'sv-redis',
        }),
      ],
    },
    {
      title: 'Requests',
      panels: [
        timeSeries({
          title: 'Response time, p95',
          description: 'All but one request in 20 are answered faster, over 5 minutes.',
          unit: SECONDS,
          queries: [{ expr: 'job:sv_http_request_duration_seconds:p95_5m{job="app"}', legend: 'p95' }],
          alerts: ['AppResponseTimeHigh', 'ScaleAppResponseTime'],
          targets: [API_LATENCY_P95_SECONDS],
          more: 'sv-api',
        }),
        timeSeries({
          title: 'Requests within the latency target',
          description: 'The share of requests that were answered within the guide’s 100 ms, over 5 minutes.',
          unit: RATIO,
          queries: [{ expr: answeredWithin('5m'), legend: 'in time' }],
          max: 1,
          more: 'sv-api',
        }),
        errorRate({ more: 'sv-api' }),
      ],
    },
    {
      title: 'Parts',
      panels: [
        timeSeries({
          title: 'Database query, p95',
          description:
            'All but one statement in 20 were done in less, from the call to the last row, over 5 minutes.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'job:sv_db_statement_duration_seconds:p95_5m', legend: '{{job}}' }],
          targets: [DATABASE_QUERY_P95_SECONDS],
          more: 'sv-database',
        }),
        timeSeries({
          title: 'Permission check over HTTP, p50',
          description:
            'The whole request to /api/v1/permissions/check, sign-in and HTTP included. The guide’s target is of the check alone.',
          unit: SECONDS,
          columns: 6,
          queries: [
            {
              expr: 'route:sv_http_request_duration_seconds:p50_5m{job="app", route="/api/v1/permissions/check"}',
              legend: 'p50',
            },
          ],
          targets: [PERMISSION_CHECK_SECONDS],
          more: 'sv-api',
        }),
        timeSeries({
          title: 'Emails sent',
          description:
            'Emails a second that providers have accepted. The guide’s target is what the queue must be able to send, so only a queue with a backlog is to be above it.',
          unit: COUNT_PER_SECOND,
          columns: 6,
          queries: [{ expr: 'sum(provider_result:sv_email_sends:rate5m{result="sent"})', legend: 'sent' }],
          targets: [EMAILS_PER_SECOND],
          more: 'sv-email',
        }),
        timeSeries({
          title: 'Cache hits',
          description:
            'The share of look-ups of 15 minutes that the cache answered, from memory or from Redis.',
          unit: RATIO,
          columns: 6,
          queries: [{ expr: 'job:sv_cache_hits:ratio15m{job="app"}', legend: 'hits' }],
          max: 1,
          alerts: ['CacheHitRateLow'],
          more: 'sv-redis',
        }),
      ],
    },
  ],
};
