import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';

/** Something that is looked at in the background; only a required one decides about readiness. */
export interface Check {
  readonly name: string;
  readonly required: boolean;
  probe(): Promise<boolean>;
}

export interface ReadinessSnapshot {
  readonly ready: boolean;
  readonly services: readonly { readonly name: string; readonly ready: boolean }[];
}

export interface Readiness {
  /** Answers from the last checks, so that a probe costs no query, however many there are. */
  snapshot(): ReadinessSnapshot;
  /** Whether this process was ready once. */
  hasStarted(): boolean;
  isDraining(): boolean;
  /** Not ready from here on, at once: nginx must stop sending before we stop listening. */
  startDraining(): void;
  close(): Promise<void>;
}

const INTERVAL_MS = 1000;
/** After a lost probe, and until one is good again, the next comes this soon: what hangs is to be out after some 3 s. */
const CONFIRM_INTERVAL_MS = 250;
/** Of a query that takes a millisecond; what else is late by so much is no help to a caller either. */
const PROBE_TIMEOUT_MS = 1000;
/** One lost probe is no outage. */
const FALL = 2;
/**
 * Whoever was lost is back only when it answers in half the time. A dependency whose answers take about as long as the
 * limit would be lost and back every few seconds, and with it every instance.
 */
const RECOVERY_SHARE = 0.5;

type Outcome = 'in time' | 'late' | 'lost';

/** Starts the checks; nothing is ready before its first good probe. */
export function startReadiness(options: {
  checks: readonly Check[];
  logger: Logger;
  intervalMs?: number;
  probeTimeoutMs?: number;
  recoverWithinMs?: number;
}): Readiness {
  const { intervalMs = INTERVAL_MS, probeTimeoutMs = PROBE_TIMEOUT_MS, logger } = options;
  const { recoverWithinMs = probeTimeoutMs * RECOVERY_SHARE } = options;
  const states = options.checks.map((check) => ({ check, ready: false, wasLost: false, failures: 0 }));
  const stop = new AbortController();
  let started = false;
  let draining = false;

  const isReady = () => !draining && states.every(({ check, ready }) => ready || !check.required);

  const observe = (state: (typeof states)[number], outcome: Outcome) => {
    state.failures = outcome === 'lost' ? state.failures + 1 : 0;
    const isGoodEnough = outcome === 'in time' || (outcome === 'late' && !state.wasLost);
    const ready = isGoodEnough || (state.ready && state.failures < FALL);
    if (state.ready !== ready) state.wasLost = !ready;
    if (ready !== state.ready) logger.info({ check: state.check.name, ready }, 'readiness changed');
    state.ready = ready;
  };

  const loop = async (state: (typeof states)[number]) => {
    while (!stop.signal.aborted) {
      observe(state, await outcomeOf(state.check, { probeTimeoutMs, recoverWithinMs, logger }));
      started ||= isReady();
      const waitMs = state.failures > 0 ? Math.min(CONFIRM_INTERVAL_MS, intervalMs) : intervalMs;
      await delay(waitMs, undefined, { signal: stop.signal, ref: false }).catch(ignoreAbort);
    }
  };
  const loops = Promise.all(states.map(loop));

  return {
    snapshot: () => ({
      ready: isReady(),
      services: [
        { name: 'app', ready: !draining },
        ...states.map(({ check, ready }) => ({ name: check.name, ready })),
      ],
    }),
    hasStarted: () => started,
    isDraining: () => draining,
    startDraining: () => {
      draining = true;
    },
    close: async () => {
      stop.abort();
      await loops;
    },
  };
}

async function outcomeOf(
  check: Check,
  limits: { probeTimeoutMs: number; recoverWithinMs: number; logger: Logger },
): Promise<Outcome> {
  const settled = new AbortController();
  const startedAtMs = performance.now();
  const timeout = delay(limits.probeTimeoutMs, false, { signal: settled.signal }).catch(() => false);
  const probe = check.probe().catch((error: unknown) => {
    limits.logger.debug({ err: error, check: check.name }, 'a readiness check failed');
    return false;
  });
  try {
    if (!(await Promise.race([probe, timeout]))) return 'lost';
    return performance.now() - startedAtMs < limits.recoverWithinMs ? 'in time' : 'late';
  } finally {
    settled.abort();
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
