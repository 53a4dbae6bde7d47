import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';

export interface Loop {
  start(): void;
  /** Ends what is under way: whatever was begun is finished by whoever starts next. */
  close(): Promise<void>;
}

/** Rounds for ever, from the start of one to the start of the next. One that fails is counted, told, and no end. */
export function createLoop(options: {
  round: () => Promise<void>;
  intervalSeconds: number;
  stop: AbortController;
  onFailure: () => void;
  logger: Logger;
}): Loop {
  const { round, intervalSeconds, stop, onFailure, logger } = options;
  let running: Promise<void> = Promise.resolve();
  let failures = 0;

  async function takeRound(): Promise<void> {
    try {
      await round();
      if (failures > 0) logger.info({ failures }, 'works again');
      failures = 0;
    } catch (error) {
      if (stop.signal.aborted) return;
      failures += 1;
      onFailure();
      logger.warn({ err: error, failures }, 'no decision, or not carried out; tries again');
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const startedMs = performance.now();
      await takeRound();
      const waitMs = Math.max(0, intervalSeconds * 1000 - (performance.now() - startedMs));
      await delay(waitMs, undefined, { signal: stop.signal }).catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
    }
  }

  return {
    start() {
      running = run();
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}
