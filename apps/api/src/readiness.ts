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
const PROBE_TIMEOUT_MS = 2000;
/** One lost probe is no outage; one good probe is proof enough. */
const FALL = 2;

/** Starts the checks; nothing is ready before its first good probe. */
export function startReadiness(options: {
  checks: readonly Check[];
  logger: Logger;
  intervalMs?: number;
  probeTimeoutMs?: number;
}): Readiness {
  const { intervalMs = INTERVAL_MS, probeTimeoutMs = PROBE_TIMEOUT_MS, logger } = options;
  const states = options.checks.map((check) => ({ check, ready: false, failures: 0 }));
  const stop = new AbortController();
  let started = false;
  let draining = false;

  const isReady = () => !draining && states.every(({ check, ready }) => ready || !check.required);

  const observe = (state: (typeof states)[number], succeeded: boolean) => {
    state.failures = succeeded ? 0 : state.failures + 1;
    const ready = succeeded || (state.ready && state.failures < FALL);
    if (ready !== state.ready) logger.info({ check: state.check.name, ready }, 'readiness changed');
    state.ready = ready;
  };

  const loop = async (state: (typeof states)[number]) => {
    while (!stop.signal.aborted) {
      observe(state, await succeedsInTime(state.check, probeTimeoutMs, logger));
      started ||= isReady();
      await delay(intervalMs, undefined, { signal: stop.signal, ref: false }).catch(ignoreAbort);
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

async function succeedsInTime(check: Check, timeoutMs: number, logger: Logger): Promise<boolean> {
  const settled = new AbortController();
  const timeout = delay(timeoutMs, false, { signal: settled.signal }).catch(() => false);
  const probe = check.probe().catch((error: unknown) => {
    logger.debug({ err: error, check: check.name }, 'a readiness check failed');
    return false;
  });
  try {
    return await Promise.race([probe, timeout]);
  } finally {
    settled.abort();
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
