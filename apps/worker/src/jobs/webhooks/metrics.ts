import { DURATION_BUCKETS_SECONDS } from '@sv-sdk/telemetry';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Events wait for minutes when the workers were away. */
const LAG_BUCKETS_SECONDS = [...DURATION_BUCKETS_SECONDS, 30, 60, 300, 1800, 3600, 86_400];

export interface EventMetrics {
  /** `lagSeconds`: from its arrival. */
  observeApplied(provider: string, type: string, lagSeconds: number): void;
  /** Given up: after a day there is still no email of it. */
  countUnmatched(provider: string): void;
  countSuppressed(reason: string, addresses: number): void;
  /** Since when the oldest event could have been applied; undefined: none waits. */
  setOldestDue(dueAt: Date | undefined): void;
}

/** Metrics of the events of email providers, in the registry that `/metrics` shows. */
export function createEventMetrics(registry: Registry): EventMetrics {
  const registers = [registry];
  const applied = new Counter({
    name: 'sv_email_events_applied_total',
    help: 'Events of email providers that were applied to an email, by provider and type.',
    labelNames: ['provider', 'type'],
    registers,
  });
  const unmatched = new Counter({
    name: 'sv_email_events_unmatched_total',
    help: 'Events of email providers that no email was found for within a day.',
    labelNames: ['provider'],
    registers,
  });
  const suppressed = new Counter({
    name: 'sv_email_suppressions_added_total',
    help: 'Addresses that nothing is sent to any more, by what their provider told: bounce or complaint.',
    labelNames: ['reason'],
    registers,
  });
  const lag = new Histogram({
    name: 'sv_email_event_lag_seconds',
    help: 'From the arrival of an event to its application.',
    buckets: LAG_BUCKETS_SECONDS,
    registers,
  });
  let oldestDue: Date | undefined;
  new Gauge({
    name: 'sv_email_events_oldest_seconds',
    help: 'How long the oldest event that could be applied has waited for it; 0 when none waits.',
    registers,
    // Grows by itself between two looks, and while the database can't be asked.
    collect() {
      this.set(oldestDue === undefined ? 0 : Math.max(0, (Date.now() - oldestDue.getTime()) / 1000));
    },
  });
  return {
    observeApplied(provider, type, lagSeconds) {
      applied.inc({ provider, type });
      lag.observe(lagSeconds);
    },
    countUnmatched: (provider) => unmatched.inc({ provider }),
    countSuppressed: (reason, addresses) => suppressed.inc({ reason }, addresses),
    setOldestDue: (dueAt) => {
      oldestDue = dueAt;
    },
  };
}
