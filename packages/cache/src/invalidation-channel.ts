import { randomUUID } from 'node:crypto';
import { isCluster } from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';
import { Gauge, type Registry } from 'prom-client';
import type { CacheConnection } from './connection.ts';
import { type Invalidator, publishOn } from './invalidator.ts';
import { createSubscriber } from './subscriber.ts';

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
  /** Removes the keys from Redis and tells every instance, in this order; rejects unless Redis has done both. */
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
  keyPrefix?: string | undefined;
  connection: CacheConnection;
  invalidator: Invalidator;
  onStale: (keys: readonly string[]) => void;
  /** Something may have been missed: all that is in memory is doubtful. */
  onGap: () => void;
  logger: Logger;
  registry: Registry;
}): InvalidationChannel {
  const { connection, invalidator, logger, onStale, onGap, keyPrefix = '' } = options;
  // In a cluster both are in one slot by their braces, and thereby on one node. Elsewhere the name stays as it was, so
  // that instances of two versions hear each other.
  const family = isCluster(connection.client) ? '{cache}' : 'cache';
  const stale = `${family}:stale`;
  const heartbeat = `${family}:heartbeat:${randomUUID()}`;
  /** When the latest heartbeat that came back was sent; by the clock of performance.now(). */
  let provenAtMs = Number.NEGATIVE_INFINITY;
  let lastSignMs = performance.now();

  const { promise: whenTrusted, resolve: firstProven } = Promise.withResolvers<void>();
  const isTrusted = () => performance.now() - provenAtMs < TRUSTED_FOR_MS;

  const beat = async () => {
    if (performance.now() - lastSignMs > SILENT_FOR_MS) {
      lastSignMs = performance.now();
      subscriber.reconnect();
    }
    try {
      await connection.run(heartbeat, (redis) =>
        publishOn(redis, heartbeat, String(performance.now()), keyPrefix),
      );
    } catch (error) {
      logger.debug({ err: error }, 'no heartbeat could be sent');
    }
  };
  const subscriber = createSubscriber({
    connection,
    channels: [keyPrefix + stale, keyPrefix + heartbeat],
    onSubscribed: () => {
      lastSignMs = performance.now();
      void beat();
    },
    onLost: () => {
      provenAtMs = Number.NEGATIVE_INFINITY;
      onGap();
    },
    onMessage: (channel, message) => {
      lastSignMs = performance.now();
      if (channel === keyPrefix + stale) {
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
    },
    logger,
  });

  const timer = setInterval(() => void beat(), HEARTBEAT_MS).unref();

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
    publish: (keys) => invalidator.invalidate(keys, stale, JSON.stringify(keys)),
    close() {
      clearInterval(timer);
      subscriber.close();
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
