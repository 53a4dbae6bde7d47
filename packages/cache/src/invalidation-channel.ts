import { randomUUID } from 'node:crypto';
import type { Logger } from '@sv-sdk/telemetry';
import { Gauge, type Registry } from 'prom-client';
import { type CacheConnection, COMMAND_TIMEOUT_MS, openRedis } from './connection.ts';

const HEARTBEAT_MS = 250;
/** Three heartbeats. A change reaches everybody within this time or is not missed: nobody reads their memory then. */
const TRUSTED_FOR_MS = 750;
/** A connection that brings nothing for so long is dead, whatever it says; a new one is made. */
const SILENT_FOR_MS = 2_000;

export interface InvalidationChannel {
  /**
   * Whether everything that was published until 750 ms ago has arrived here. Decided at the moment of use, not
   * by a timer: a process that was stopped for a while finds out before it answers anybody.
   */
  isTrusted(): boolean;
  /** Resolves at the first proof. */
  readonly whenTrusted: Promise<void>;
  /** Removes the keys from Redis and tells every instance, in this order; rejects when Redis fails. */
  publish(keys: readonly string[]): Promise<void>;
  close(): void;
}

/**
 * Redis' pub/sub promises nothing: a message to whoever is not connected is lost, and a connection can be dead
 * for minutes before anybody hears of it. So each instance sends a heartbeat to itself over the way that
 * invalidations take, on one connection and therefore in their order: once it has heard the heartbeat of a
 * moment, it has heard every invalidation from before.
 */
export function createInvalidationChannel(options: {
  url: string;
  keyPrefix?: string | undefined;
  commandTimeoutMs?: number | undefined;
  connection: CacheConnection;
  onStale: (keys: readonly string[]) => void;
  /** Something may have been missed: all that is in memory is doubtful. */
  onGap: () => void;
  logger: Logger;
  registry: Registry;
}): InvalidationChannel {
  const { connection, logger, onStale, onGap, keyPrefix = '' } = options;
  const staleChannel = `${keyPrefix}cache:stale`;
  const heartbeatChannel = `${keyPrefix}cache:heartbeat:${randomUUID()}`;
  /** When the latest heartbeat that came back was sent; by the clock of performance.now(). */
  let provenAtMs = Number.NEGATIVE_INFINITY;
  let lastSignMs = performance.now();

  const { promise: whenTrusted, resolve: firstProven } = Promise.withResolvers<void>();
  const isTrusted = () => performance.now() - provenAtMs < TRUSTED_FOR_MS;

  const subscriber = openRedis(options.url, {
    autoResubscribe: false,
    commandTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
  });
  const beat = async () => {
    if (subscriber.status === 'ready' && performance.now() - lastSignMs > SILENT_FOR_MS) {
      lastSignMs = performance.now();
      subscriber.disconnect(true);
    }
    try {
      await connection.run((redis) => redis.publish(heartbeatChannel, String(performance.now())));
    } catch (error) {
      logger.debug({ err: error }, 'no heartbeat could be sent');
    }
  };
  const lose = () => {
    provenAtMs = Number.NEGATIVE_INFINITY;
    onGap();
  };
  const subscribe = async () => {
    try {
      // One command: a heartbeat that comes back proves the other channel as well.
      await subscriber.subscribe(staleChannel, heartbeatChannel);
      await beat();
    } catch (error) {
      logger.debug({ err: error }, 'the invalidation channel could not be subscribed to');
      subscriber.disconnect(true);
    }
  };
  subscriber.on('ready', () => {
    lastSignMs = performance.now();
    void subscribe();
  });
  subscriber.on('close', lose);
  // The connection for commands reports the same server.
  subscriber.on('error', (error) => logger.debug({ err: error }, 'the invalidation channel is away'));
  subscriber.on('message', (channel, message) => {
    lastSignMs = performance.now();
    if (channel === staleChannel) {
      const keys = parseKeys(message);
      if (keys === undefined) onGap();
      else onStale(keys);
      return;
    }
    const sentAtMs = Number(message);
    if (!(sentAtMs > provenAtMs)) return;
    if (sentAtMs - provenAtMs >= TRUSTED_FOR_MS) onGap();
    provenAtMs = sentAtMs;
    firstProven();
  });

  const heartbeat = setInterval(() => void beat(), HEARTBEAT_MS).unref();

  new Gauge({
    name: 'sv_cache_channel_trusted',
    help: '1: invalidations are proven to arrive and values may be read from memory; 0: they are read from Redis.',
    registers: [options.registry],
    collect() {
      this.set(isTrusted() ? 1 : 0);
    },
  });

  return {
    isTrusted,
    whenTrusted,
    async publish(keys) {
      await connection.run(async (redis) => {
        // Removed first: whoever hears the message must not find the old value again.
        const results = await redis
          .pipeline()
          .del(...keys)
          .publish(staleChannel, JSON.stringify(keys))
          .exec();
        for (const [error] of results ?? []) if (error !== null) throw error;
      });
    },
    close() {
      clearInterval(heartbeat);
      subscriber.removeListener('close', lose);
      subscriber.disconnect();
    },
  };
}

function parseKeys(message: string): readonly string[] | undefined {
  try {
    const keys: unknown = JSON.parse(message);
    return Array.isArray(keys) ? keys.map(String) : undefined;
  } catch {
    return undefined; // Not one of ours.
  }
}
