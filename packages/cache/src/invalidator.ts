import { isCluster, nameOf, nodesOf, primariesOf, type RedisClient } from '@sv-sdk/redis';
import type { Cluster } from 'ioredis';
import { type CacheConnection, openRedis } from './connection.ts';

/** A replica has what its primary has well within 1 ms; one that takes longer is on its way out. */
const REPLICA_LIMIT_MS = 100;
/** Behind such a wait others queue up. */
const COMMAND_LIMIT_MS = 1_000;

export interface Invalidator {
  /**
   * Removes the keys, then publishes the message: whoever hears it must not find an old value again. Rejects unless
   * both are done, in a cluster also on the replicas; then it is to be done again.
   */
  invalidate(keys: readonly string[], channel: string, message: string): Promise<void>;
  close(): void;
}

export function createInvalidator(options: {
  url: string;
  keyPrefix?: string | undefined;
  commandTimeoutMs?: number | undefined;
  connection: CacheConnection;
}): Invalidator {
  const { connection, keyPrefix = '' } = options;
  if (!isCluster(connection.client)) {
    return {
      async invalidate(keys, channel, message) {
        await connection.run('', async (redis) => {
          const results = await redis
            .pipeline()
            .del(...keys)
            .publish(keyPrefix + channel, message)
            .exec();
          for (const [error] of results ?? []) if (error !== null) throw error;
        });
      },
      close: () => undefined,
    };
  }
  // Connections of its own: WAIT holds up all that comes after it on the same one.
  const cluster = openRedis(options.url, {
    keyPrefix,
    commandTimeout: Math.max(COMMAND_LIMIT_MS, options.commandTimeoutMs ?? 0),
    connectionName: 'sv-cache-invalidator',
  });
  if (!isCluster(cluster))
    throw new Error('the invalidator was given the URL of another Redis than the cache');
  return createClusterInvalidator(cluster, keyPrefix);
}

/** `channel` without the prefix: a sharded channel is a key to ioredis, and has it put before it. */
export function publishOn(redis: RedisClient, channel: string, message: string, keyPrefix: string) {
  return isCluster(redis) ? redis.spublish(channel, message) : redis.publish(keyPrefix + channel, message);
}

/**
 * Replication goes on behind the answer. A primary that dies between the two would leave a replica that takes its
 * place with a permission that was taken away; so a removal counts when the replica has it, too.
 */
function createClusterInvalidator(cluster: Cluster, keyPrefix: string): Invalidator {
  const waits = new Map<string, Wait>();

  const wait = (primary: string): Promise<void> => {
    const started: Wait = { done: waitForReplica(cluster, primary), next: undefined };
    waits.set(primary, started);
    const end = () => {
      if (waits.get(primary) === started) waits.delete(primary);
    };
    started.done.then(end, end);
    return started.done;
  };
  /** Of many at once one asks, and one more for all that came while it did. */
  const replicated = (primary: string): Promise<void> => {
    const running = waits.get(primary);
    if (running === undefined) return wait(primary);
    const again = () => wait(primary);
    running.next ??= running.done.then(again, again);
    return running.next;
  };

  return {
    async invalidate(keys, channel, message) {
      const removed = await Promise.allSettled(keys.map((key) => cluster.del(key)));
      const primaries = new Set<string>();
      for (const key of keys) {
        const [primary, ...replicas] = nodesOf(cluster, keyPrefix + key);
        // Without one there is none that could take its place: the cluster has given it up, or never had it.
        if (primary !== undefined && replicas.length > 0) primaries.add(primary);
      }
      // Also when some keys are still there: the instances' memories can forget them all.
      await Promise.all([publishOn(cluster, channel, message, keyPrefix), ...[...primaries].map(replicated)]);
      for (const result of removed) if (result.status === 'rejected') throw result.reason;
    },
    close: () => cluster.disconnect(),
  };
}

interface Wait {
  readonly done: Promise<void>;
  next: Promise<void> | undefined;
}

/** For all that was written on this client's connection to the primary before. */
async function waitForReplica(cluster: Cluster, primary: string): Promise<void> {
  const node = primariesOf(cluster).find((candidate) => nameOf(candidate) === primary);
  const replicas = (await node?.wait(1, REPLICA_LIMIT_MS)) ?? 0;
  if (replicas < 1) throw new Error(`no replica of ${primary} has the removal of keys yet`);
}
