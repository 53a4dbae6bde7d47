import { ProviderError } from './provider.ts';

/** At most so many at a time; the others wait in the order in which they came. */
export interface Slots {
  /**
   * Resolves with what gives the slot back. Rejects with {@link ProviderError} `unavailable` when `signal` aborts or none
   * is free within `maxWaitMs`.
   */
  take(maxWaitMs: number, signal: AbortSignal): Promise<() => void>;
}

export function createSlots(size: number): Slots {
  let free = size;
  // A Set keeps the order, and lets one that gives up leave from the middle.
  const waiting = new Set<() => void>();
  const giveBack = () => {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else {
      waiting.delete(next);
      next();
    }
  };
  return {
    async take(maxWaitMs, signal) {
      if (free > 0) {
        free -= 1;
        return giveBack;
      }
      await new Promise<void>((resolve, reject) => {
        const leave = (reason: string) => {
          waiting.delete(enter);
          settle();
          reject(new ProviderError('unavailable', reason));
        };
        const onAbort = () => leave('stopped while it waited for its turn');
        const timer = setTimeout(() => leave('waited too long for its turn'), maxWaitMs);
        const settle = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
        };
        const enter = () => {
          settle();
          resolve();
        };
        waiting.add(enter);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
      return giveBack;
    },
  };
}
