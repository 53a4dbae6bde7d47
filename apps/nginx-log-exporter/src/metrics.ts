import { DURATION_BUCKETS_SECONDS } from '@sv-sdk/telemetry';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LoggedRequest } from './request-line.ts';

export interface Metrics {
  count(request: LoggedRequest): void;
  /** A message that is no request of nginx'. */
  countUnreadable(): void;
  /** Of the certificate that nginx serves. Where it serves none there is no such figure. */
  setCertificateEnd(endsAt: Date): void;
}

/** An instance that was asked nothing for so long has gone, and its series with it. */
const FORGOTTEN_AFTER_MS = 600_000;
const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'aborted'] as const;

const statusClassOf = (status: number | undefined) =>
  STATUS_CLASSES[Math.floor((status ?? 0) / 100) - 1] ?? 'aborted';

export function createMetrics(registry: Registry, nowMs = () => performance.now()): Metrics {
  const registers = [registry];
  const lastAskedMs = new Map<string, number>();
  const requests = new Counter({
    name: 'sv_nginx_requests_total',
    help: 'Requests that nginx has answered, by the status that its caller got.',
    labelNames: ['status_class'],
    registers,
  });
  const unreadable = new Counter({
    name: 'sv_nginx_log_unreadable_total',
    help: 'Messages that are no line of the log.',
    registers,
  });
  const asked = new Counter({
    name: 'sv_nginx_upstream_requests_total',
    help: 'What nginx has asked of each instance of the app; of one request several where it was asked again.',
    labelNames: ['upstream', 'status_class'],
    registers,
    collect: forgetWhoHasGone,
  });
  const duration = new Histogram({
    name: 'sv_nginx_upstream_duration_seconds',
    help: 'From nginx connecting to an instance of the app to the last byte of its answer.',
    labelNames: ['upstream'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers,
  });

  // Made when there is one: 0 would say that it ended long ago.
  let certificateEnd: Gauge | undefined;

  function forgetWhoHasGone(): void {
    for (const [upstream, atMs] of lastAskedMs) {
      if (nowMs() - atMs < FORGOTTEN_AFTER_MS) continue;
      lastAskedMs.delete(upstream);
      duration.remove({ upstream });
      for (const status_class of STATUS_CLASSES) asked.remove({ upstream, status_class });
    }
  }

  return {
    count({ status, attempts }) {
      requests.inc({ status_class: statusClassOf(status) });
      for (const attempt of attempts) {
        const { upstream } = attempt;
        lastAskedMs.set(upstream, nowMs());
        asked.inc({ upstream, status_class: statusClassOf(attempt.status) });
        if (attempt.seconds !== undefined) duration.observe({ upstream }, attempt.seconds);
      }
    },
    countUnreadable: () => unreadable.inc(),
    setCertificateEnd(endsAt) {
      certificateEnd ??= new Gauge({
        name: 'sv_nginx_certificate_end_timestamp_seconds',
        help: 'When the certificate ends that nginx serves.',
        registers,
      });
      certificateEnd.set(endsAt.getTime() / 1000);
    },
  };
}
