import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { IMAGE, PASSWORD_FILE } from './redis.ts';

/**
 * A failover takes this and up to two seconds; the stack has 5 s. A replica that was alone for twice this and a second is
 * never promoted: with 2 s an election that was late by 2 s was lost for good (seen once, at load 15).
 */
const NODE_TIMEOUT_MS = 4_000;
/** Nodes tell clients each other's addresses, so they are used by these, which the host and its containers reach. */
const CLUSTER_PORT = 6379;

export interface TestRedisCluster {
  /** With the password, and the address of the first node. */
  readonly url: string;
  /** As `url`, by another node. */
  urlBy(node: number): string;
  readonly password: string;
  /** How many nodes there are; they are called by their numbers. */
  readonly nodes: number;
  /** Without the password. It may be another one after a start. */
  addressOf(node: number): string;
  /** The node that is the primary of a key's slot now. */
  primaryOf(key: string): Promise<number>;
  /** Each node by its own word. A replica that has not all of its primary's data yet can't take its place: `away`. */
  roles(): Promise<('primary' | 'replica' | 'away')[]>;
  kill(node: number): Promise<void>;
  start(node: number): Promise<void>;
  pause(node: number): Promise<void>;
  unpause(node: number): Promise<void>;
  /** A connection to one node. */
  connect(node: number): Redis;
  stop(): Promise<void>;
}

/** Three primaries from the stack's own image, with a replica each or none. They keep everything, as in the stack. */
export async function startTestRedisCluster(options: { replicas: 0 | 1 }): Promise<TestRedisCluster> {
  // Its own image can't be pulled on a host without a registry; what we start, we stop.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const password = randomBytes(16).toString('hex');
  const containers = await Promise.all(
    Array.from({ length: 3 * (1 + options.replicas) }, () =>
      new GenericContainer(IMAGE)
        .withEnvironment({
          REDIS_ROLE: 'cluster',
          MAXMEMORY: '64mb',
          PASSWORD_FILE,
          CLUSTER_NODES: 'known-by-address',
          CLUSTER_NODE_TIMEOUT_MS: String(NODE_TIMEOUT_MS),
        })
        .withCopyContentToContainer([{ content: password, target: PASSWORD_FILE, mode: 0o444 }])
        .withWaitStrategy(Wait.forHealthCheck())
        .start(),
    ),
  );
  // On the engine's default network: one of their own takes one of its few ranges, which stacks are in need of.
  const hosts = containers.map((container) => container.getIpAddress('bridge'));
  const formed = await containers[0]?.exec(['cluster-init.sh'], {
    env: { CLUSTER_NODES: hosts.join(' '), REPLICAS: String(options.replicas) },
  });
  if (formed?.exitCode !== 0) throw new Error(`no cluster was formed: ${formed?.output}`);
  const addressOf = (node: number) => `${hosts[node]}:${CLUSTER_PORT}`;
  const { container: engine } = await getContainerRuntimeClient();
  const own = containers.map((container) => engine.getById(container.getId()));
  const at = (node: number) => {
    const container = own[node];
    if (container === undefined) throw new Error(`there is no node ${node}`);
    return container;
  };
  const urlBy = (node: number) => `redis-cluster://:${password}@${addressOf(node)}`;
  const connect = (node: number) => {
    const redis = new Redis({
      host: hosts[node] ?? '',
      port: CLUSTER_PORT,
      password,
      connectTimeout: 1_000,
      commandTimeout: 1_000,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    redis.on('error', () => undefined);
    return redis;
  };
  const ask = async <T>(node: number, question: (redis: Redis) => Promise<T>): Promise<T | undefined> => {
    const redis = connect(node);
    try {
      return await question(redis);
    } catch {
      return undefined; // Killed or paused.
    } finally {
      redis.disconnect();
    }
  };

  return {
    url: urlBy(0),
    urlBy,
    password,
    nodes: containers.length,
    addressOf,
    connect,
    async primaryOf(key) {
      for (const node of hosts.keys()) {
        const owner = await ask(node, async (redis) => {
          const slot = await redis.cluster('KEYSLOT', key);
          for (const [from, to, primary] of await redis.cluster('SLOTS')) {
            if (from <= slot && slot <= to) return primary?.[0];
          }
          return undefined;
        });
        if (owner !== undefined) return hosts.indexOf(owner);
      }
      throw new Error('no node of the cluster answers');
    },
    roles: () =>
      Promise.all(
        hosts.map(async (_, node) => {
          const [role, , , link] = (await ask(node, (redis) => redis.role())) ?? [];
          if (role === 'master') return 'primary';
          return role === 'slave' && link === 'connected' ? 'replica' : 'away';
        }),
      ),
    kill: async (node) => {
      await at(node).kill();
    },
    start: async (node) => {
      await at(node).start();
      const { NetworkSettings } = await at(node).inspect();
      hosts[node] = NetworkSettings.Networks['bridge']?.IPAddress ?? '';
    },
    pause: async (node) => {
      await at(node).pause();
    },
    unpause: async (node) => {
      await at(node).unpause();
    },
    stop: async () => {
      await Promise.all(containers.map((container) => container.stop({ timeout: 1 })));
    },
  };
}
