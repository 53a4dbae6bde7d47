import calculateSlot from 'cluster-key-slot';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { redisTls } from './tls.ts';
import { parseRedisUrl, REDIS_URL_EXPECTED, type RedisAddress } from './url.ts';

/** One server, or a cluster of them: the same commands, as long as the keys of each command are in one slot. */
export type RedisClient = Redis | Cluster;

/** Of a connection, and of each one to a node of a cluster. */
export type ConnectionOptions = Omit<
  RedisOptions,
  | 'host'
  | 'port'
  | 'path'
  | 'tls'
  | 'db'
  | 'sentinels'
  | 'retryStrategy'
  | 'readOnly'
  | 'replyMapping'
  | 'himportFieldsets'
> & {
  /** After how many ms to connect again; null: never. */
  readonly retryDelayMs?: (attempt: number) => number | null;
  /** How often a cluster's command goes to another node, or to the same again, before it fails. Default 16. */
  readonly maxRedirections?: number;
};

/** Between two tries of a command whose node is away; the slots are looked up anew meanwhile. */
const RETRY_COMMAND_MS = 50;
/** How soon it is noticed that another node has a slot now, also by a command that waits for one that says nothing. */
const SLOTS_REFRESH_MS = 2_000;

/** Opens what the URL names. It connects in the background, and again whenever the connection is lost. */
export function openRedisClient(url: string, options: ConnectionOptions): RedisClient {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error(`the URL of Redis must be ${REDIS_URL_EXPECTED}`);
  const tls = address.isTls ? { tls: redisTls(url) } : {};
  if (address.isCluster) return openCluster(address, tls, options);
  const { retryDelayMs, maxRedirections: _onlyOfClusters, ...redisOptions } = options;
  return new Redis(url, { ...redisOptions, ...tls, ...(retryDelayMs && { retryStrategy: retryDelayMs }) });
}

/** The nodes with slots; of one server itself. */
export function primariesOf(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes('master') : [client];
}

/** `host:port` of the server that has a key, and of its replicas; empty while a cluster isn't known yet. */
export function nodesOf(client: RedisClient, key: string): readonly string[] {
  if (isCluster(client)) return client.slots[calculateSlot(key)] ?? [];
  return [nameOf(client)];
}

/** `host:port`, as in {@link nodesOf}. */
export const nameOf = ({ options }: Redis): string => `${options.host}:${options.port}`;

export const isCluster = (client: RedisClient): client is Cluster => client instanceof Cluster;

function openCluster(
  address: RedisAddress,
  tls: Pick<RedisOptions, 'tls'>,
  options: ConnectionOptions,
): Cluster {
  const { retryDelayMs, maxRedirections, enableOfflineQueue, keyPrefix, lazyConnect, ...more } = options;
  // A cluster's pipeline must stay within one slot, which is not for a client to guess.
  const { enableAutoPipelining: _onlyOfOneServer, ...redisOptions } = more;
  return new Cluster([{ host: address.host, port: address.port }], {
    redisOptions: {
      ...redisOptions,
      ...(address.username !== undefined && { username: address.username }),
      ...(address.password !== undefined && { password: address.password }),
      ...tls,
    },
    keyPrefix: keyPrefix ?? '',
    enableOfflineQueue: enableOfflineQueue ?? true,
    lazyConnect: lazyConnect ?? false,
    // A name stays one until a connection is made: containers get new addresses, TLS wants the name, and of the
    // addresses of one that stands for all nodes Node tries one after another.
    dnsLookup: (hostname, callback) => callback(null, hostname),
    // Where it fails, connect()'s promise is never settled (redis/ioredis#741), and BullMQ, which makes its blocking
    // connection anew during a failover, waits for it for ever. A cluster that serves nothing says so to each command.
    enableReadyCheck: false,
    retryDelayOnFailover: RETRY_COMMAND_MS,
    retryDelayOnClusterDown: RETRY_COMMAND_MS,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    ...(retryDelayMs && { clusterRetryStrategy: retryDelayMs }),
    ...(maxRedirections !== undefined && { maxRedirections }),
  });
}
