import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleWhenResult,
} from 'cockatiel';

/** One lost connection is nothing. More than this many in a row, and the next email would be lost time as well. */
const FAILURES_TO_OPEN = 5;
const MIN_OPEN_MS = 2000;
/** One email per worker finds out whether the provider is back. */
const MAX_OPEN_MS = 15_000;

/** Keeps emails away from a provider that fails, but for one at a time that tries whether it is back. */
export interface Circuit {
  /** From when on one may try, by `performance.now()`; Infinity while another one is trying. */
  readyAtMs(): number;
  /** Undefined where it was open after all. `isFailure` says which results count against the provider. */
  run<T>(action: () => Promise<T>): Promise<T | undefined>;
  isOpen(): boolean;
}

export function createCircuit(options: {
  isFailure: (result: unknown) => boolean;
  onChange: (isOpen: boolean) => void;
}): Circuit {
  let triedAgainAtMs = 0;
  const policy = circuitBreaker(handleWhenResult(options.isFailure), {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    // 2, 4, 8, then 15 s: called at the moment of opening.
    halfOpenAfter: new DelegateBackoff<{ attempt: number }>(({ attempt }) => {
      const openMs = Math.min(MAX_OPEN_MS, MIN_OPEN_MS * 2 ** (attempt - 1));
      triedAgainAtMs = performance.now() + openMs;
      return openMs;
    }),
  });
  policy.onBreak(() => options.onChange(true));
  policy.onReset(() => options.onChange(false));
  return {
    readyAtMs() {
      if (policy.state === CircuitState.Closed) return 0;
      return policy.state === CircuitState.Open ? triedAgainAtMs : Number.POSITIVE_INFINITY;
    },
    async run(action) {
      // While one tries, the others are not to wait for it, as they would in `execute`.
      if (policy.state === CircuitState.HalfOpen) return undefined;
      try {
        return await policy.execute(action);
      } catch (error) {
        if (error instanceof BrokenCircuitError) return undefined;
        throw error;
      }
    },
    isOpen: () => policy.state !== CircuitState.Closed,
  };
}
