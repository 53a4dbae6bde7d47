/** Emails from the outbox over the queue and the workers to their provider, and what comes back. */
import type { Page } from '../page.ts';
import { stat, timeSeries } from '../panels.ts';
import { deadLetters, processingRate, queueDepth } from '../shared-panels.ts';
import { BYTES, COUNT, COUNT_PER_SECOND, RATIO, SECONDS } from '../units.ts';

const PROVIDER = 'provider=~"$provider"';
const WORKER = 'job="worker", instance=~"$instance"';

const percentiles = (series: string) =>
  ['p50', 'p95', 'p99'].map((percentile) => ({ expr: `job:${series}:${percentile}_5m`, legend: percentile }));

const p95ByProvider = (series: string) => [
  {
    expr: `histogram_quantile(0.95, sum by (provider, le) (rate(${series}_bucket{${PROVIDER}}[5m])))`,
    legend: '{{provider}}',
  },
];

export const email: Page = {
  uid: 'sv-email',
  title: 'Queue and email',
  description: 'Emails from the outbox to the provider, and what providers and recipients say of them.',
  variables: [
    { name: 'instance', label: 'Worker', values: 'label_values(up{job="worker"}, instance)' },
    { name: 'queue', label: 'Queue', values: 'label_values(bullmq_job_count, queue)' },
    { name: 'provider', label: 'Provider', values: 'label_values(sv_email_sends_total, provider)' },
  ],
  rows: [
    {
      title: 'What there is to send',
      panels: [
        queueDepth({ columns: 6 }),
        timeSeries({
          title: 'Queue depth for each worker',
          description: 'Emails that are due and not sent, over the number of workers.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: 'job:sv_queue_depth_per_worker:ratio', legend: 'emails' }],
          alerts: ['ScaleWorkerDepth'],
        }),
        timeSeries({
          title: 'Jobs by state',
          description: 'Jobs in the queue: in work, waiting for a worker, due later, failed.',
          unit: COUNT,
          columns: 6,
          queries: [
            { expr: 'queue_state:bullmq_job_count:max{queue=~"$queue"}', legend: '{{queue}} {{state}}' },
          ],
        }),
        timeSeries({
          title: 'Oldest email in the outbox',
          description:
            'How long the oldest email has been due that the queue has room for; 0 when there is none.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'job:sv_outbox_oldest_seconds:max', legend: 'age' }],
          alerts: ['OutboxStuck'],
        }),
      ],
    },
    {
      title: 'Work',
      panels: [
        timeSeries({
          title: 'Wait for a worker',
          description: 'From the acceptance of an email, or its due time, to the start of its first attempt.',
          unit: SECONDS,
          queries: percentiles('sv_queue_wait_seconds'),
          alerts: ['ScaleWorkerWait'],
        }),
        timeSeries({
          title: 'Time of an attempt',
          description: 'How long one attempt at an email took.',
          unit: SECONDS,
          queries: percentiles('sv_queue_processing_seconds'),
          alerts: ['ScaleWorkerJobTime'],
        }),
        processingRate(),
        timeSeries({
          title: 'Handed to the queue',
          description:
            'Emails a second that went from the outbox to the queue, and those that were put back because the queue had lost them.',
          unit: COUNT_PER_SECOND,
          queries: [
            { expr: 'sum(rate(sv_outbox_relayed_total[$__rate_interval]))', legend: 'handed on' },
            { expr: 'sum(rate(sv_outbox_swept_total[$__rate_interval]))', legend: 'put back' },
          ],
        }),
        timeSeries({
          title: 'Emails in work',
          description:
            'How many emails each worker had in work at once, on average. EMAIL_CONCURRENCY is the most.',
          unit: COUNT,
          queries: [{ expr: 'job:sv_queue_in_work_per_worker:avg_rate1m', legend: 'a worker' }],
        }),
        stat({
          title: 'Queue',
          isTall: true,
          description: 'Whether the queue is paused: then emails are accepted and none is sent.',
          unit: COUNT,
          columns: 8,
          queries: [{ expr: 'max(sv_queue_paused)', legend: 'queue' }],
          words: { '0': 'runs', '1': 'paused' },
          alerts: ['QueuePaused'],
        }),
      ],
    },
    {
      title: 'Workers',
      panels: [
        timeSeries({
          title: 'CPU of the workers',
          description: 'The share of its CPU limit that each worker uses, and their average, over 5 minutes.',
          unit: RATIO,
          queries: [
            { expr: 'job:process_cpu_seconds:avg_rate5m{job="worker"}', legend: 'average' },
            { expr: `instance:process_cpu_seconds:rate5m{${WORKER}}`, legend: '{{instance}}' },
          ],
          alerts: ['ScaleWorkerCpu'],
        }),
        timeSeries({
          title: 'Memory of the workers',
          description: 'Memory of each process (resident set).',
          unit: BYTES,
          queries: [{ expr: `process_resident_memory_bytes{${WORKER}}`, legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Emails a statement',
          description:
            'How many emails share one statement, on average: claims before an attempt, records after it.',
          unit: COUNT,
          queries: [
            {
              expr: 'sum by (statement) (rate(sv_email_batch_size_sum[$__rate_interval])) / (sum by (statement) (rate(sv_email_batch_size_count[$__rate_interval])) > 0)',
              legend: '{{statement}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'What became of them',
      panels: [
        timeSeries({
          title: 'Attempts by their end',
          description:
            'Attempts a second: `sent`; `retried` later; `failed` for good; `uncertain`, it may have gone out; `suppressed`, its recipient is not written to; `deferred`, the provider could not be asked; `skipped`, another worker had it.',
          unit: COUNT_PER_SECOND,
          columns: 6,
          isStacked: true,
          queries: [
            {
              expr: `sum by (result) (provider_result:sv_email_sends:rate5m{${PROVIDER}})`,
              legend: '{{result}}',
            },
          ],
        }),
        deadLetters({ columns: 6 }),
        timeSeries({
          title: 'Share that failed for good',
          description: 'Of the emails of 15 minutes that came to an end at a provider.',
          unit: RATIO,
          columns: 6,
          queries: [{ expr: 'job:sv_email_dead_letters:ratio15m', legend: 'failed' }],
          alerts: ['DeadLetters'],
        }),
        timeSeries({
          title: 'Uncertain emails',
          description: 'Emails of 15 minutes that may have gone out twice, or without our knowing.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: 'job:sv_email_uncertain:increase15m', legend: 'uncertain' }],
          alerts: ['EmailsUncertain'],
        }),
      ],
    },
    {
      title: 'Providers',
      panels: [
        timeSeries({
          title: 'Answer of the provider, p95',
          description: 'From handing an email to the provider to its answer: all but one in 20 are faster.',
          unit: SECONDS,
          columns: 6,
          queries: p95ByProvider('sv_email_provider_answer_seconds'),
        }),
        timeSeries({
          title: 'Wait for a turn, p95',
          description: 'How long an email waited for the provider’s concurrency, rate or throttle.',
          unit: SECONDS,
          columns: 6,
          queries: p95ByProvider('sv_email_provider_wait_seconds'),
        }),
        timeSeries({
          title: 'Refusals',
          description: 'Emails a second that a provider did not accept, by what that means.',
          unit: COUNT_PER_SECOND,
          columns: 6,
          queries: [
            {
              expr: `sum by (provider, failure) (rate(sv_email_provider_failures_total{${PROVIDER}}[$__rate_interval]))`,
              legend: '{{provider}}: {{failure}}',
            },
          ],
        }),
        stat({
          title: 'Circuit',
          isTall: true,
          description: 'Whether emails are kept away from a provider that failed over and over.',
          unit: COUNT,
          columns: 6,
          queries: [
            {
              expr: `max by (provider) (sv_email_provider_circuit_open{${PROVIDER}})`,
              legend: '{{provider}}',
            },
          ],
          words: { '0': 'closed', '1': 'open' },
          showsNames: true,
          alerts: ['EmailProviderCircuitOpen'],
        }),
      ],
    },
    {
      title: 'What comes back',
      panels: [
        timeSeries({
          title: 'Events of providers',
          description: 'What providers told of emails, by type, a second.',
          unit: COUNT_PER_SECOND,
          columns: 5,
          queries: [
            {
              expr: `sum by (type) (rate(sv_email_events_total{${PROVIDER}}[$__rate_interval]))`,
              legend: '{{type}}',
            },
          ],
        }),
        timeSeries({
          title: 'Oldest event',
          description: 'How long the oldest event that could be applied has waited for it.',
          unit: SECONDS,
          columns: 5,
          queries: [{ expr: 'max(sv_email_events_oldest_seconds)', legend: 'age' }],
          alerts: ['WebhooksNotApplied'],
        }),
        timeSeries({
          title: 'Webhooks refused',
          description: 'Requests of 15 minutes to a provider’s webhook that were not taken.',
          unit: COUNT,
          columns: 4,
          queries: [
            { expr: `provider:sv_email_webhook_refusals:increase15m{${PROVIDER}}`, legend: '{{provider}}' },
          ],
          runbooksOf: ['WebhooksRefused'],
        }),
        timeSeries({
          title: 'Bounces',
          description: 'The share of a day’s emails that bounced, where there were 100 or more.',
          unit: RATIO,
          columns: 5,
          queries: [{ expr: `provider:sv_email_bounces:ratio1d{${PROVIDER}}`, legend: '{{provider}}' }],
          alerts: ['BounceRateHigh'],
        }),
        timeSeries({
          title: 'Complaints',
          description:
            'The share of a day’s emails that a recipient called spam, where there were 1,000 or more.',
          unit: RATIO,
          columns: 5,
          queries: [{ expr: `provider:sv_email_complaints:ratio1d{${PROVIDER}}`, legend: '{{provider}}' }],
          alerts: ['ComplaintRateHigh'],
        }),
      ],
    },
  ],
};
