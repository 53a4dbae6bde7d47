import { EMAIL_QUEUE, type JobCounts } from '@sv-sdk/queue';
import { Gauge, type Registry } from 'prom-client';

/** A figure that nobody could look at for so long is not shown any more: better none than a wrong one. */
const SHOWN_FOR_MS = 60_000;

export interface QueueMetrics {
  setDepth(emails: number): void;
  setJobs(counts: JobCounts): void;
  setPaused(paused: boolean): void;
}

/**
 * What a watch finds, in the registry that `/metrics` shows. Every worker looks at the same outbox and the same queue
 * and says the same: `max by (…)` over them, never `sum`.
 */
export function createQueueMetrics(registry: Registry): QueueMetrics {
  const depth = fading(registry, {
    name: 'sv_queue_depth',
    help: 'Emails that are due and have no end yet, in the outbox and in the queue; counted up to 100,000.',
  });
  const paused = fading(registry, {
    name: 'sv_queue_paused',
    help: '1 while the queue is paused: emails are accepted and none is sent.',
  });
  const jobs = fading(registry, {
    name: 'bullmq_job_count',
    help: 'Jobs in the queue by state; waiting has those of every priority.',
    labelNames: ['queue', 'state'],
  });
  return {
    setDepth: (emails) => depth.show((gauge) => gauge.set(emails)),
    setPaused: (isPaused) => paused.show((gauge) => gauge.set(isPaused ? 1 : 0)),
    setJobs: (counts) =>
      jobs.show((gauge) => {
        for (const [state, count] of Object.entries(counts)) gauge.set({ queue: EMAIL_QUEUE, state }, count);
      }),
  };
}

/** A gauge that says nothing before it was told, and when it has not been told for long. */
function fading(registry: Registry, about: { name: string; help: string; labelNames?: string[] }) {
  let shownUntilMs = 0;
  let set = (_gauge: Gauge) => {};
  new Gauge({
    ...about,
    registers: [registry],
    collect() {
      if (performance.now() < shownUntilMs) set(this);
      else if (about.labelNames === undefined) this.remove();
      // Without labels it would say 0.
      else this.reset();
    },
  });
  return {
    show(setter: (gauge: Gauge) => void) {
      set = setter;
      shownUntilMs = performance.now() + SHOWN_FOR_MS;
    },
  };
}
