import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectionOptions,
  isCluster,
  nameOf,
  nodesOf,
  openRedisClient,
  primariesOf,
  type RedisClient,
} from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';

/** Redis answers in well under 1 ms (p95 0.14 ms, docs of the platform); past this, Postgres is quicker. */
export const COMMAND_TIMEOUT_MS = 200;
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_DELAY_MS = 1_000;
const PROBE_PAUSE_MS = 100;
/** ioredis' own text, and ours; its error has no code. */
const TIMEOUT_MESSAGE = 'Command timed out';
/** A peer that vanished without a word (a paused host, a cut cable) is asked on a new connection after this. */
const DEAD_SOCKET_MS = 2_000;

/** One connection for commands. Commands fail at once while the server is away or silent. */
export interface CacheConnection {
  /** For what takes no part in the rules of `run`. */
  readonly client: RedisClient;
  /**
   * Runs a command on this key; rejects when it fails. After one that was not answered in 200 ms the server that has
   * the key counts as silent: until it answers a ping again every command for it rejects at once, so that a request
   * which needs several waits for one timeout and not for the sum. The other nodes of a cluster go on.
   */
  run<T>(key: string, command: (redis: RedisClient) => Promise<T>): Promise<T>;
  close(): void;
}

/** Connects in the background, and again whenever the connection is lost. */
export function createConnection(options: {
  url: string;
  keyPrefix?: string | undefined;
  commandTimeoutMs?: number | undefined;
  logger: Logger;
}): CacheConnection {
  const { logger, keyPrefix = '', commandTimeoutMs = COMMAND_TIMEOUT_MS } = options;
  const client = openRedis(options.url, {
    keyPrefix,
    commandTimeout: commandTimeoutMs,
    socketTimeout: DEAD_SOCKET_MS,
    // Twenty permission checks at once take two thirds of the time; one alone takes 8 % longer (ADR 0010).
    enableAutoPipelining: true,
  });
  reportChanges(client, logger);
  /** By the names of the servers; one that nobody knows yet is named ''. */
  const silent = new Set<string>();
  let isClosed = false;

  const probe = async (server: string) => {
    while (!isClosed) {
      try {
        // One that is a primary no more has nothing of ours.
        await primariesOf(client)
          .find((node) => nameOf(node) === server)
          ?.ping();
        break;
      } catch (error) {
        logger.debug({ err: error, server }, 'the cache is silent');
        await delay(PROBE_PAUSE_MS, undefined, { ref: false });
      }
    }
    silent.delete(server);
  };

  return {
    client,
    async run(key, command) {
      const [server = ''] = nodesOf(client, keyPrefix + key);
      if (silent.has(server)) throw new Error('the cache is silent');
      // ioredis counts from when a command is sent; one that waits for the pipeline before it would wait twice.
      const { promise: tooLate, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new Error(TIMEOUT_MESSAGE)), commandTimeoutMs);
      try {
        return await Promise.race([command(client), tooLate]);
      } catch (error) {
        if (isTimeout(error) && !silent.has(server)) {
          silent.add(server);
          void probe(server);
        }
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      isClosed = true;
      // Nothing that is lost with the connection matters, so there is no QUIT to wait for.
      client.disconnect();
    },
  };
}

/** A client that never queues: a command must fail at once while the server is away, not wait for it. */
export function openRedis(
  url: string,
  more: Pick<
    ConnectionOptions,
    | 'keyPrefix'
    | 'commandTimeout'
    | 'socketTimeout'
    | 'autoResubscribe'
    | 'enableAutoPipelining'
    | 'connectionName'
  >,
): RedisClient {
  return openRedisClient(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryDelayMs: reconnectDelayMs,
    ...more,
  });
}

export const reconnectDelayMs = (attempt: number) => Math.min(attempt * 50, MAX_RECONNECT_DELAY_MS);

/** ioredis reports every failed reconnect; only the change is worth a line. */
function reportChanges(client: RedisClient, logger: Logger): void {
  let isAway = false;
  const away = (error: Error) => {
    if (!isAway) logger.warn({ err: error }, 'the cache is away');
    isAway = true;
  };
  client.on('error', away);
  client.on('ready', () => {
    if (isAway) logger.info('the cache is back');
    isAway = false;
  });
  // Of a cluster a part; the metrics of its nodes say which, and for how long.
  if (isCluster(client)) {
    client.on('node error', (error: Error, node: string) =>
      logger.debug({ err: error, node }, 'a node of the cache is away'),
    );
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === TIMEOUT_MESSAGE;
}
