import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import { createCircuit } from './circuit.ts';
import type { ProviderMetrics } from './metrics.ts';
import { type EmailProvider, type OutgoingEmail, ProviderError } from './provider.ts';
import type { RateLimit } from './rate-limit.ts';
import { createSlots } from './slots.ts';

/** The way to one provider: so many at a time, so many a second, and none while it is known to fail. */
export interface Lane {
  readonly name: string;
  /** From when on an email may try, by `performance.now()`; Infinity while that depends on one that tries now. */
  readyAtMs(): number;
  /** Whether that is so because of the circuit, not of a throttle. */
  isOpen(): boolean;
  /**
   * Waits for a turn, then hands the email over. Undefined where the lane was shut in the meantime or the provider asked
   * to wait: the email has not gone out, look for a lane again. Rejects with {@link ProviderError}.
   */
  send(email: OutgoingEmail, limits: SendLimits): Promise<{ messageId: string } | undefined>;
  close(): Promise<void>;
}

export interface SendLimits {
  /** By `performance.now()`. */
  readonly giveUpAtMs: number;
  /** Ends the wait for a turn. */
  readonly waitSignal: AbortSignal;
  /** Ends what the provider is doing. */
  readonly signal: AbortSignal | undefined;
}

export interface LaneOptions {
  readonly provider: EmailProvider;
  readonly concurrency: number;
  readonly rateLimit: RateLimit | undefined;
  readonly sendTimeoutMs: number;
  readonly metrics: ProviderMetrics;
  readonly logger: Logger;
}

export function createLane(options: LaneOptions): Lane {
  const { provider, rateLimit, metrics, logger, sendTimeoutMs } = options;
  const { name } = provider;
  const slots = createSlots(options.concurrency);
  /** The provider asked us to wait until then. */
  let throttledUntilMs = 0;
  const circuit = createCircuit({
    isFailure: countsAgainstProvider,
    onChange(isOpen) {
      metrics.setCircuitOpen(name, isOpen);
      logger.warn(
        { provider: name },
        isOpen ? 'the circuit is open: it fails over and over' : 'the circuit is closed again',
      );
    },
  });
  metrics.setCircuitOpen(name, false);

  async function untilTurn({ giveUpAtMs, waitSignal }: SendLimits): Promise<void> {
    await pause(throttledUntilMs - performance.now(), waitSignal);
    if (rateLimit === undefined) return;
    const { granted, waitMs } = await rateLimit.reserve(Math.max(0, giveUpAtMs - performance.now()));
    if (!granted) {
      throw new ProviderError('unavailable', 'its rate leaves no room for now', {
        retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
      });
    }
    await pause(waitMs, waitSignal);
  }

  /** Failures are results here: whether one counts against the provider is the circuit's question. */
  async function attempt(
    email: OutgoingEmail,
    outerSignal: AbortSignal | undefined,
  ): Promise<{ messageId: string } | Failed> {
    const deadline = new AbortController();
    const stop = () => deadline.abort(outerSignal?.reason);
    const timer = setTimeout(
      () => deadline.abort(new Error(`no answer within ${sendTimeoutMs} ms`)),
      sendTimeoutMs,
    );
    outerSignal?.addEventListener('abort', stop, { once: true });
    if (outerSignal?.aborted) stop();
    const startMs = performance.now();
    try {
      return await provider.send(email, deadline.signal);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      return { error, isStopped: outerSignal?.aborted ?? false };
    } finally {
      clearTimeout(timer);
      outerSignal?.removeEventListener('abort', stop);
      metrics.observeAnswer(name, (performance.now() - startMs) / 1000);
    }
  }

  return {
    name,
    readyAtMs: () => Math.max(throttledUntilMs, circuit.readyAtMs()),
    isOpen: () => circuit.isOpen(),

    async send(email, limits) {
      const { giveUpAtMs, waitSignal, signal } = limits;
      const startMs = performance.now();
      const giveBack = await slots.take(Math.max(0, giveUpAtMs - startMs), waitSignal);
      try {
        await untilTurn(limits);
        metrics.observeWait(name, (performance.now() - startMs) / 1000);
        const result = await circuit.run(() => attempt(email, signal));
        if (result === undefined || 'messageId' in result) return result;
        const { error } = result;
        const { retryAfterSeconds } = error;
        metrics.countFailure(name, retryAfterSeconds === undefined ? error.failure : 'throttled');
        if (error.failure !== 'unavailable' || retryAfterSeconds === undefined) throw error;
        throttledUntilMs = Math.max(throttledUntilMs, performance.now() + retryAfterSeconds * 1000);
        if (throttledUntilMs > giveUpAtMs) throw error;
        return undefined;
      } finally {
        giveBack();
      }
    },

    close: () => provider.close(),
  };
}

interface Failed {
  readonly error: ProviderError;
  /** Our own doing. */
  readonly isStopped: boolean;
}

/** A throttle is an answer, and so is a refusal of one email. */
function countsAgainstProvider(result: unknown): boolean {
  if (!isFailed(result) || result.isStopped) return false;
  const { failure, retryAfterSeconds } = result.error;
  return failure === 'uncertain' || (failure === 'unavailable' && retryAfterSeconds === undefined);
}

const isFailed = (result: unknown): result is Failed =>
  typeof result === 'object' && result !== null && 'error' in result && result.error instanceof ProviderError;

/** Rejects with {@link ProviderError} `unavailable` when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 && !signal.aborted) return;
  try {
    await sleep(Math.max(0, ms), undefined, { signal });
  } catch (error) {
    throw new ProviderError('unavailable', 'stopped while it waited for its turn', { cause: error });
  }
}
