import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';

/** Of a start; who comes before the rest is loaded pays for it with a query. */
const LIMIT_MS = 2_000;

/**
 * Loads what everybody needs before this instance takes requests, and nothing that grows with users. Each loader
 * answers how many values it loaded. Never fails a start: what is cold or away is slower, and right.
 */
export async function warmUp(
  loaders: Readonly<Record<string, () => Promise<number>>>,
  logger: Logger,
  limitMs = LIMIT_MS,
): Promise<void> {
  const ended = new AbortController();
  const late = delay(limitMs, 'late' as const, { signal: ended.signal }).catch(() => 'ended' as const);
  const runs = Object.entries(loaders).map(async ([name, load]) => {
    try {
      logger.info({ [name]: await load() }, 'warmed up');
    } catch (error) {
      logger.warn({ err: error, warming: name }, 'could not be warmed up');
    }
  });
  if ((await Promise.race([Promise.all(runs), late])) === 'late') {
    logger.warn({ limitMs }, 'not all is warm yet; the start goes on without it');
  }
  ended.abort();
}
