import { isCluster, nameOf, nodesOf, primariesOf } from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';
import type { Redis } from 'ioredis';
import { type CacheConnection, reconnectDelayMs } from './connection.ts';

/** One connection that hears channels, to one server, so that messages come in the order in which it had them. */
export interface Subscriber {
  /** Leaves a connection that brings nothing for a new one. */
  reconnect(): void;
  close(): void;
}

interface SubscriberOptions {
  connection: CacheConnection;
  /** In a cluster of one slot: they are sharded channels there, which live on the node that has the slot. */
  channels: readonly [string, ...string[]];
  onSubscribed: () => void;
  /** What was published from now until the next `onSubscribed` isn't heard. */
  onLost: () => void;
  onMessage: (channel: string, message: string) => void;
  logger: Logger;
}

/**
 * Connects in the background, and again whenever the connection is lost, to the server that has the channels then:
 * ioredis' own subscriber of a cluster takes any node, and messages that reach a node by way of another keep no order.
 */
export function createSubscriber(options: SubscriberOptions): Subscriber {
  const { connection, channels, logger } = options;
  const { client } = connection;
  let current: Redis | undefined;
  let attempts = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const later = () => {
    attempts += 1;
    if (!isClosed) timer = setTimeout(open, reconnectDelayMs(attempts)).unref();
  };

  const open = () => {
    const redis = openFor(options);
    if (redis === undefined) return later();
    current = redis;
    redis.on('ready', async () => {
      try {
        // One command: a message on one channel proves the others as well.
        await (isCluster(client) ? redis.ssubscribe(...channels) : redis.subscribe(...channels));
        attempts = 0;
        options.onSubscribed();
      } catch (error) {
        // In a cluster also MOVED: the node has the slot no more.
        logger.debug({ err: error }, 'the invalidation channel could not be subscribed to');
        redis.disconnect();
      }
    });
    redis.on('message', options.onMessage);
    redis.on('smessage', options.onMessage);
    // The connection for commands reports the same server.
    redis.on('error', (error) => logger.debug({ err: error }, 'the invalidation channel is away'));
    redis.on('end', () => {
      current = undefined;
      if (!isClosed) options.onLost();
      later();
    });
  };

  // A slot may get another primary while the old one goes on as its replica and closes no connection.
  const followSlot = () => {
    if (current?.status === 'ready' && nodesOf(client, channels[0])[0] !== nameOf(current))
      current.disconnect();
  };
  const following = isCluster(client) ? setInterval(followSlot, 250).unref() : undefined;
  open();

  return {
    reconnect: () => current?.disconnect(),
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(following);
      current?.disconnect();
    },
  };
}

/** A connection to the server that has the channels; undefined while nobody knows which of a cluster that is. */
function openFor({ connection: { client }, channels: [channel] }: SubscriberOptions): Redis | undefined {
  const [owner] = nodesOf(client, channel);
  return primariesOf(client)
    .find((node) => nameOf(node) === owner)
    ?.duplicate({
      connectionName: 'sv-cache-subscriber',
      keyPrefix: '',
      autoResubscribe: false,
      enableOfflineQueue: false,
      lazyConnect: false,
      // It waits for messages, and not for answers.
      socketTimeout: undefined,
      // That is ours to do, to the server of then.
      retryStrategy: () => null,
    });
}
