import { primariesOf } from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';
import type { Registry } from 'prom-client';
import { createConnection } from './connection.ts';
import { createInvalidationChannel } from './invalidation-channel.ts';
import { createInvalidator } from './invalidator.ts';
import { kindOf } from './keys.ts';
import { type CachedKind, createKind, type Kind, type KindDefinition } from './kind.ts';
import { createCacheRequests } from './metrics.ts';

/** What a look at one key found; `unavailable` is for callers to whom it isn't the same as a miss. */
export type Lookup<T> =
  | { readonly result: 'hit'; readonly value: T }
  | { readonly result: 'miss' }
  | { readonly result: 'unavailable' };

/**
 * JSON values in Redis, which may be wiped or away at any time: no method rejects because of it, and a failure
 * looks like a miss to whoever doesn't ask for more. A key's part before the first `:` is its kind.
 */
export interface Cache {
  /** Defines what is kept under the keys of one kind, and how it is loaded; once per kind. */
  kind<Id, V extends {}>(definition: KindDefinition<Id, V>): CachedKind<Id, V>;
  /**
   * Takes the keys out of the shared tier and out of every instance's memory. Call it after the commit of what
   * made them wrong. Whether the cache took it; where it didn't, somebody has to publish them again.
   */
  publish(keys: readonly string[]): Promise<boolean>;
  /** Whether invalidations are proven to arrive here; else nothing is read from this process' memory. */
  isTrusted(): boolean;
  /** Resolves when `isTrusted` is true for the first time; until then nothing is kept in memory. */
  whenTrusted(): Promise<void>;

  /**
   * What is under one key, for what is kept in Redis alone and may rightly be missing. No hit and no miss is counted, as of
   * a kind: who has written nothing lately has no position, and that is the answer.
   */
  get<T>(key: string): Promise<T | undefined>;
  /** As `get`, but tells a missing key from a cache that didn't answer. */
  lookup<T>(key: string): Promise<Lookup<T>>;
  /** Whether the cache took it. */
  set(key: string, value: unknown, ttlSeconds: number): Promise<boolean>;
  /**
   * Keeps the greater of the text that is there and this one, by the order of their characters, in one step
   * for all instances; in both cases for `ttlSeconds` from now. Whether the cache took it.
   */
  setGreatest(key: string, text: string, ttlSeconds: number): Promise<boolean>;
  /** Whether the cache took it. */
  del(...keys: string[]): Promise<boolean>;
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** Texts are compared as JSON, which both are: the same quotation mark stands before each. */
const SET_GREATEST = `
local kept = redis.call('get', KEYS[1])
if kept and kept >= ARGV[1] then
  return redis.call('expire', KEYS[1], ARGV[2])
end
return redis.call('set', KEYS[1], ARGV[1], 'ex', ARGV[2])
`;

/**
 * Connects in the background: a process starts, and goes on, without its cache. `keyPrefix` stands before every
 * key and channel, for those who share a server.
 */
export function createCache(options: {
  url: string;
  keyPrefix?: string;
  /** How long Redis may take, for tests. */
  commandTimeoutMs?: number;
  logger: Logger;
  registry: Registry;
}): Cache {
  const { logger } = options;
  const requests = createCacheRequests(options.registry);
  const connection = createConnection(options);
  const kinds = new Map<string, Kind>();
  const invalidator = createInvalidator({ ...options, connection });
  const channel = createInvalidationChannel({
    ...options,
    connection,
    invalidator,
    onStale: (keys) => forget(keys),
    onGap: () => {
      for (const kind of kinds.values()) kind.forgetAll();
    },
  });

  const forget = (keys: readonly string[]) => {
    for (const key of keys) kinds.get(kindOf(key))?.forget(key);
  };

  const failed = (key: string, error: unknown) => {
    requests.count(kindOf(key), 'shared', 'error');
    logger.debug({ err: error, kind: kindOf(key) }, 'the cache failed');
  };

  const lookup = async <T>(key: string): Promise<Lookup<T>> => {
    try {
      const text = await connection.run(key, (redis) => redis.get(key));
      return text === null ? { result: 'miss' } : { result: 'hit', value: JSON.parse(text) as T };
    } catch (error) {
      failed(key, error);
      return { result: 'unavailable' };
    }
  };

  /** Whether the cache took what `command` gives it. */
  const store = async (keys: readonly string[], command: () => Promise<unknown>): Promise<boolean> => {
    try {
      await command();
      return true;
    } catch (error) {
      for (const key of keys) failed(key, error);
      return false;
    }
  };

  return {
    kind(definition) {
      if (kinds.has(definition.name)) throw new Error(`the kind ${definition.name} is defined twice`);
      const kind = createKind(definition, { connection, channel, requests, logger });
      kinds.set(definition.name, kind);
      return kind;
    },
    async publish(keys) {
      if (keys.length === 0) return true;
      const isPublished = await store(keys, () => channel.publish(keys));
      // Not before: what is read meanwhile could be the old value again. Our own message may come later still.
      forget(keys);
      return isPublished;
    },
    isTrusted: () => channel.isTrusted(),
    whenTrusted: () => channel.whenTrusted,
    lookup,
    async get<T>(key: string) {
      const found = await lookup<T>(key);
      return found.result === 'hit' ? found.value : undefined;
    },
    set: (key, value, ttlSeconds) =>
      store([key], () =>
        connection.run(key, (redis) => redis.set(key, JSON.stringify(value), 'EX', ttlSeconds)),
      ),
    setGreatest: (key, text, ttlSeconds) =>
      store([key], () =>
        connection.run(key, (redis) => redis.eval(SET_GREATEST, 1, key, JSON.stringify(text), ttlSeconds)),
      ),
    del: (...keys) =>
      // One by one: in a cluster each may be on another node.
      store(keys, () => Promise.all(keys.map((key) => connection.run(key, (redis) => redis.del(key))))),
    async ping() {
      try {
        // Of a cluster any: what the others don't have is loaded.
        return await connection.run('', (redis) =>
          Promise.any(primariesOf(redis).map(async (node) => (await node.ping()) === 'PONG')),
        );
      } catch (error) {
        logger.debug({ err: error }, 'the cache did not answer a ping');
        return false;
      }
    },
    async close() {
      channel.close();
      invalidator.close();
      connection.close();
    },
  };
}
