import type { Database } from '@sv-sdk/db';
import { Counter, Gauge, type Registry } from 'prom-client';
import { ShedRatio } from './shed-ratio.ts';

/** event_loop: this process is late with everything. database_pool: too many wait for a connection already. */
export type ShedReason = 'event_loop' | 'database_pool';

export interface Overload {
  /** Why the next request is to be turned away, and counts it; undefined: it is to be served. */
  shed(): ShedReason | undefined;
  close(): void;
}

export interface OverloadLimits {
  /** How late the event loop may be before requests are turned away. */
  readonly eventLoopDelayMs: number;
  /** How many may wait for a connection to the primary. Past it a request would wait in vain: the pool gives up after 5 s. */
  readonly poolWaiting: number;
}

const TICK_MS = 100;

/**
 * Looks ten times a second how late the event loop is, and knows by that which requests this process should not begin.
 * A timer of its own and not perf_hooks' histogram: what it is late by is what a request waits before it is looked at.
 */
export function startOverload(options: {
  limits: OverloadLimits;
  db: Pick<Database, 'waitingForPrimary'>;
  registry: Registry;
  /** From 0 to below 1; tests know what comes. */
  random?: () => number;
}): Overload {
  const { limits, db, registry, random = Math.random } = options;
  const ratio = new ShedRatio(limits.eventLoopDelayMs);
  const shedTotal = new Counter({
    name: 'sv_http_requests_shed_total',
    help: 'Requests that were turned away because of overload, by reason.',
    labelNames: ['reason'],
    registers: [registry],
  });
  new Gauge({
    name: 'sv_overload_shed_ratio',
    help: 'The share of requests that is turned away because the event loop is late.',
    registers: [registry],
    collect() {
      this.set(ratio.value);
    },
  });

  let dueAtMs = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    ratio.observe(nowMs - dueAtMs);
    dueAtMs = nowMs + TICK_MS;
  }, TICK_MS);
  timer.unref();

  const reason = (): ShedReason | undefined => {
    if (db.waitingForPrimary() >= limits.poolWaiting) return 'database_pool';
    return ratio.value > 0 && random() < ratio.value ? 'event_loop' : undefined;
  };
  return {
    shed() {
      const found = reason();
      if (found !== undefined) shedTotal.inc({ reason: found });
      return found;
    },
    close: () => clearInterval(timer),
  };
}
