import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Asks again and again until the answer is no; when the last question began that was answered with yes, or
 * `since` if none was (times of performance.now()). So a machine under load, which delays every answer, doesn't
 * look like a cache that holds on to an old value.
 */
export async function lastTime(since: number, isStill: () => Promise<boolean>): Promise<number> {
  let last = since;
  for (;;) {
    const askedAt = performance.now();
    if (!(await isStill())) return last;
    last = askedAt;
    // Answers from memory give nothing else a turn.
    await nextTurn();
  }
}
