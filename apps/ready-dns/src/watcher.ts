import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import type { Discover } from './discovery.ts';
import type { Membership } from './membership.ts';
import type { Probe } from './probes.ts';

/** From the start of one round to the start of the next. */
export const ROUND_INTERVAL_MS = 1000;

/**
 * After a first failed probe the second comes this soon. Without it an instance that is not ready would
 * leave only after 2 s + nginx' 1 s, beyond the 3 s that are promised.
 */
export const CONFIRM_INTERVAL_MS = 250;

export interface Watcher {
  /** One discovery, then one probe of every instance, all at once. Never throws. */
  round(): Promise<void>;
  /** Rounds for ever, until `close`. */
  start(): void;
  close(): Promise<void>;
}

/** Keeps a membership up to date; `onChange` is called each time that the answer has changed. */
export function createWatcher(options: {
  membership: Membership;
  discover: Discover;
  probe: Probe;
  logger: Logger;
  onChange?: () => void;
}): Watcher {
  const { membership, discover, probe, logger } = options;
  const stop = new AbortController();
  let discoveryFails = false;
  let lastAnswer = '';
  let running: Promise<void> = Promise.resolve();

  async function updateInstances(): Promise<void> {
    try {
      membership.replace(await discover());
      if (discoveryFails) logger.info('discovery answers again');
      discoveryFails = false;
    } catch (error) {
      // The last known instances stay, so one line per outage is enough.
      if (!discoveryFails) logger.warn({ err: error }, 'discovery fails; keeping the known instances');
      discoveryFails = true;
    }
  }

  function reportChange(): void {
    const answer = membership.answer?.join(' ') ?? '';
    if (answer === lastAnswer) return;
    lastAnswer = answer;
    const { known, ready } = membership;
    logger.info({ known, ready, panic: ready.length === 0 && known.length > 0 }, 'the answer has changed');
    options.onChange?.();
  }

  async function round(): Promise<void> {
    await updateInstances();
    // Each outcome counts as soon as it is there: an instance that hangs holds up no other.
    await Promise.all(
      membership.known.map(async (address) => {
        membership.record(address, await probe(address));
        reportChange();
      }),
    );
    reportChange();
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const startedAtMs = performance.now();
      await round();
      const intervalMs = membership.hasSuspect ? CONFIRM_INTERVAL_MS : ROUND_INTERVAL_MS;
      const waitMs = Math.max(0, intervalMs - (performance.now() - startedAtMs));
      await delay(waitMs, undefined, { signal: stop.signal }).catch(ignoreAbort);
    }
  }

  return {
    round,
    start() {
      running = run();
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
