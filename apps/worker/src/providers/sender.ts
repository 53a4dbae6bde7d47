import { setMaxListeners } from 'node:events';
import type { QueueConnection } from '@sv-sdk/queue';
import type { Logger } from '@sv-sdk/telemetry';
import type { Registry } from 'prom-client';
import { createProvider } from './create-provider.ts';
import { createLane, type Lane, pause } from './lane.ts';
import { createProviderMetrics } from './metrics.ts';
import { type EmailProvider, type OutgoingEmail, ProviderError } from './provider.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import { safeEmail } from './safe-email.ts';
import type { SenderConfig } from './settings.ts';

/** While another email tries whether a provider is back, its verdict is looked for this often. */
const LOOK_AGAIN_MS = 250;

/** Sends emails through the provider, or the fallback while the provider's circuit is open. */
export interface EmailSender {
  /** The provider, then the fallback where there is one. */
  readonly names: readonly string[];
  /**
   * Answers once a provider has accepted the email. Throws {@link ProviderError}, whose `provider` says whose answer it is.
   *
   * An email waits for its turn (concurrency, rate, a throttle, an open circuit) for half of the send timeout at the most,
   * and the provider then has the whole of it: 1.5 × at the most, within a claim's lease of 2 ×. A wait that is over is
   * `unavailable`, with `retryAfterSeconds` where that is known. `signal` ends a wait at once as `unavailable`, and a send
   * that the provider may have as `uncertain`.
   */
  send(email: OutgoingEmail, signal?: AbortSignal): Promise<{ provider: string; messageId: string }>;
  /** Ends every wait for a turn, and every later send, as `unavailable`; what a provider has in hand goes on. */
  handBack(): void;
  /** Closes connections; an email that is being handed over may finish. */
  close(): Promise<void>;
}

/** The sender as the settings describe it. `connection` goes to the Redis of the queue, for rates that all workers share. */
export async function createEmailSender(options: {
  config: SenderConfig;
  connection: QueueConnection;
  registry: Registry;
  logger: Logger;
}): Promise<EmailSender> {
  const { config, connection, logger } = options;
  const names = [config.EMAIL_PROVIDER, config.EMAIL_FALLBACK_PROVIDER].filter((name) => name !== undefined);
  const routes = await Promise.all(
    names.map(async (name): Promise<Route> => {
      const { provider, concurrency, ratePerSecond } = await createProvider(name, config, logger);
      const rateLimit =
        ratePerSecond === 0
          ? undefined
          : createRateLimit({ connection, name, perSecond: ratePerSecond, logger });
      return { provider, concurrency, rateLimit };
    }),
  );
  return routeEmails(routes, {
    sendTimeoutSeconds: config.EMAIL_SEND_TIMEOUT_SECONDS,
    registry: options.registry,
    logger,
  });
}

export interface Route {
  readonly provider: EmailProvider;
  readonly concurrency: number;
  readonly rateLimit?: RateLimit | undefined;
}

/** The routes in the order in which they are preferred. */
export function routeEmails(
  routes: readonly Route[],
  options: { sendTimeoutSeconds: number; registry: Registry; logger: Logger },
): EmailSender {
  const sendTimeoutMs = options.sendTimeoutSeconds * 1000;
  const metrics = createProviderMetrics(options.registry);
  const lanes = routes.map(({ provider, concurrency, rateLimit }) =>
    createLane({ provider, concurrency, rateLimit, sendTimeoutMs, metrics, logger: options.logger }),
  );
  const handedBack = new AbortController();
  // One listener for each email that waits.
  setMaxListeners(0, handedBack.signal);
  /** A process has one signal or two for all its emails: combined once, not for each. */
  const combined = new WeakMap<AbortSignal, AbortSignal>();
  const endOfWaiting = (signal: AbortSignal | undefined) => {
    if (signal === undefined) return handedBack.signal;
    const known = combined.get(signal);
    if (known !== undefined) return known;
    const either = AbortSignal.any([signal, handedBack.signal]);
    setMaxListeners(0, either);
    combined.set(signal, either);
    return either;
  };
  return {
    names: lanes.map(({ name }) => name),

    async send(email, signal) {
      const safe = safeEmail(email);
      const waitSignal = endOfWaiting(signal);
      const giveUpAtMs = performance.now() + sendTimeoutMs / 2;
      for (;;) {
        const lane = chooseLane(lanes, giveUpAtMs);
        if (lane !== undefined) {
          try {
            const sent = await lane.send(safe, { giveUpAtMs, waitSignal, signal });
            if (sent !== undefined) return { provider: lane.name, messageId: sent.messageId };
          } catch (error) {
            if (error instanceof ProviderError) error.provider = lane.name;
            throw error;
          }
        }
        await untilLaneMayBeReady(lanes, giveUpAtMs, waitSignal);
      }
    },

    handBack: () => handedBack.abort(),

    async close() {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

/**
 * The first that takes emails. A short throttle is waited for, as the next provider may cost more; an open circuit, or a
 * throttle beyond what an email may wait (a day's quota), is a reason to go on to the next.
 */
function chooseLane(lanes: readonly Lane[], giveUpAtMs: number): Lane | undefined {
  const nowMs = performance.now();
  return lanes.find((lane) => lane.readyAtMs() <= (lane.isOpen() ? nowMs : giveUpAtMs));
}

/** Here instead of handing the job back: an outage costs each worker a few waiting emails, and no writes. */
async function untilLaneMayBeReady(
  lanes: readonly Lane[],
  giveUpAtMs: number,
  waitSignal: AbortSignal,
): Promise<void> {
  const nowMs = performance.now();
  const readyAtMs = Math.min(...lanes.map((lane) => lane.readyAtMs()));
  const isKnown = Number.isFinite(readyAtMs) && readyAtMs > nowMs;
  // Of a lane that is being tried, or that another email was faster at, the answer comes soon.
  const lookAtMs = isKnown ? readyAtMs : nowMs + LOOK_AGAIN_MS;
  if (nowMs >= giveUpAtMs || (isKnown && readyAtMs > giveUpAtMs)) {
    const [first] = lanes;
    const error = new ProviderError(
      'unavailable',
      `${lanes.map(({ name }) => name).join(' and ')} can't be used for now`,
      { retryAfterSeconds: Math.max(1, Math.ceil((lookAtMs - nowMs) / 1000)) },
    );
    error.provider = first?.name;
    throw error;
  }
  await pause(lookAtMs - nowMs, waitSignal);
}
