import { DURATION_BUCKETS_SECONDS } from '@sv-sdk/telemetry';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Waiting is counted in minutes when things go badly: the guide's trigger is 60 s. */
const WAIT_BUCKETS_SECONDS = [...DURATION_BUCKETS_SECONDS, 30, 60, 120, 300, 600, 1800, 3600];
const PROCESSING_BUCKETS_SECONDS = [...DURATION_BUCKETS_SECONDS, 30, 60];

/** Powers of two: how many emails share one statement, up to the most that a batch holds. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/**
 * How one attempt at an email ended. `sent`; `retried`: fails now and will be tried again; `failed`: for good;
 * `uncertain`: it may have gone out, and is not tried again; `suppressed`: its recipient is not written to; `deferred`:
 * the provider could not be asked; `skipped`: another worker had it, or it was done already.
 */
export type SendResult = 'sent' | 'retried' | 'failed' | 'uncertain' | 'suppressed' | 'deferred' | 'skipped';

export interface WorkerMetrics {
  /** `provider`: `none` where no provider was asked. */
  countSend(provider: string, result: SendResult): void;
  /** An email that may have gone out without our knowing: once for every time that this was found. */
  countUncertain(): void;
  /** An email that has failed for good. */
  countDeadLetter(): void;
  /** How many emails one statement was for. */
  observeBatch(statement: 'claim' | 'record', emails: number): void;
  observeWait(seconds: number): void;
  observeProcessing(seconds: number): void;
  countRelayed(emails: number): void;
  countSwept(emails: number): void;
  /** When the oldest email that the relay could hand on was due; undefined: there is none. */
  setOldestInOutbox(dueAt: Date | undefined): void;
  /** When the oldest keys that were made wrong in the cache were; undefined: all are published. */
  setOldestStaleKeys(markedAt: Date | undefined): void;
}

/** The worker's own metrics, in the registry that `/metrics` shows. */
export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const registers = [registry];
  const sends = new Counter({
    name: 'sv_email_sends_total',
    help: 'Attempts at sending an email, by provider and how they ended.',
    labelNames: ['provider', 'result'],
    registers,
  });
  const uncertain = new Counter({
    name: 'sv_email_uncertain_total',
    help: 'Emails that may have gone out twice, or once without our knowing.',
    registers,
  });
  const deadLetters = new Counter({
    name: 'sv_email_dead_letters_total',
    help: 'Emails that have failed for good.',
    registers,
  });
  const suppressed = new Counter({
    name: 'sv_email_suppressed_total',
    help: 'Emails that were not sent because their recipient is suppressed or has unsubscribed.',
    registers,
  });
  const batches = new Histogram({
    name: 'sv_email_batch_size',
    help: 'Emails that share one statement.',
    labelNames: ['statement'],
    buckets: BATCH_BUCKETS,
    registers,
  });
  const wait = new Histogram({
    name: 'sv_queue_wait_seconds',
    help: 'From the acceptance of an email (or its due time) to the start of its first attempt.',
    buckets: WAIT_BUCKETS_SECONDS,
    registers,
  });
  const processing = new Histogram({
    name: 'sv_queue_processing_seconds',
    help: 'How long one attempt at a job took.',
    buckets: PROCESSING_BUCKETS_SECONDS,
    registers,
  });
  const relayed = new Counter({
    name: 'sv_outbox_relayed_total',
    help: 'Emails handed from the outbox to the queue.',
    registers,
  });
  const swept = new Counter({
    name: 'sv_outbox_swept_total',
    help: 'Emails that the queue had lost and that were put back into the outbox.',
    registers,
  });
  let oldest: Date | undefined;
  new Gauge({
    name: 'sv_outbox_oldest_seconds',
    help: 'How long the oldest email in the outbox has been due that the queue has room for; 0 when there is none.',
    registers,
    // Grows by itself between two looks, and while the database can't be asked.
    collect() {
      this.set(ageSeconds(oldest));
    },
  });
  let oldestStaleKeys: Date | undefined;
  new Gauge({
    name: 'sv_stale_cache_keys_oldest_seconds',
    help: 'Age of the oldest keys of the cache that were made wrong and are not published; 0 when there are none.',
    registers,
    collect() {
      this.set(ageSeconds(oldestStaleKeys));
    },
  });
  return {
    countSend: (provider, result) => {
      sends.inc({ provider, result });
      if (result === 'suppressed') suppressed.inc();
    },
    countUncertain: () => uncertain.inc(),
    countDeadLetter: () => deadLetters.inc(),
    observeBatch: (statement, emails) => batches.observe({ statement }, emails),
    observeWait: (seconds) => wait.observe(seconds),
    observeProcessing: (seconds) => processing.observe(seconds),
    countRelayed: (emails) => relayed.inc(emails),
    countSwept: (emails) => swept.inc(emails),
    setOldestInOutbox: (dueAt) => {
      oldest = dueAt;
    },
    setOldestStaleKeys: (markedAt) => {
      oldestStaleKeys = markedAt;
    },
  };
}

function ageSeconds(moment: Date | undefined): number {
  return moment === undefined ? 0 : Math.max(0, (Date.now() - moment.getTime()) / 1000);
}
