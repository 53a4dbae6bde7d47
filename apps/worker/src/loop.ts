import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';

export interface Loop {
  /** Starts no further turn and waits for the one that runs. */
  stop(): Promise<void>;
}

const MAX_BACKOFF_MS = 5000;

/**
 * Takes turns until it is stopped: the next one at once when `turn` answers `again`, else after the interval.
 * A turn that throws is logged and tried again, after twice the time at each further failure, at most 5 s (or
 * the interval, where that is longer). It never ends the process: Postgres and Redis come back.
 */
export function startLoop(options: {
  name: string;
  intervalMs: number;
  turn: () => Promise<'again' | 'rest'>;
  logger: Logger;
}): Loop {
  const { name, intervalMs, turn, logger } = options;
  const stopping = new AbortController();
  const run = async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let pauseMs = intervalMs;
      try {
        if ((await turn()) === 'again') pauseMs = 0;
        if (failures > 0) logger.info({ loop: name, failures }, 'works again');
        failures = 0;
      } catch (error) {
        failures += 1;
        pauseMs = Math.min(intervalMs * 2 ** failures, Math.max(MAX_BACKOFF_MS, intervalMs));
        logger.warn({ err: error, loop: name, failures, pauseMs }, 'failed, and tries again');
      }
      if (pauseMs > 0) await pause(pauseMs, stopping.signal);
    }
  };
  const ended = run();
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
