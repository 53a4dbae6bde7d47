import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import { LRUCache } from 'lru-cache';
import type { CacheConnection } from './connection.ts';
import type { InvalidationChannel } from './invalidation-channel.ts';
import type { CacheRequests, Result } from './metrics.ts';
import { createSharedTier } from './shared-tier.ts';

export interface KindDefinition<Id, V extends {}> {
  /** What stands before the first `:` of its keys, and the label of its metrics. */
  readonly name: string;
  key(id: Id): string;
  /** In Redis. */
  readonly ttlSeconds: number;
  /**
   * Keeps values in this process' memory, too. They may be old for as long as an invalidation travels: a few
   * milliseconds, never more than a second. Absent: everybody sees their own writes, for a round trip each time.
   */
  readonly local?: { readonly maxEntries: number; readonly ttlSeconds: number };
  /** From the primary: what a replica lags behind would put an old value back. Undefined is not kept. */
  load(id: Id): Promise<V | undefined>;
  /** The value that a JSON from Redis stands for; undefined where it isn't one of this kind. */
  parse(json: unknown): V | undefined;
  /** Whether the caller must be answered by `load` alone: inside a transaction, which sees what may never be. */
  isBypassed?(): boolean;
}

/** Values of one kind. What `load` throws is passed on; what the cache does wrong is not. */
export interface CachedKind<Id, V extends {}> {
  /** From memory, else from Redis, else loaded; in a process only one of many at once does the work. */
  get(id: Id): Promise<V | undefined>;
  /** Not from memory: sees everything that was published before the call. */
  getShared(id: Id): Promise<V | undefined>;
}

/** A kind as the cache that it belongs to sees it. */
export interface Kind {
  forget(key: string): void;
  forgetAll(): void;
}

/** When another one loads it: how long until the next look. 55 ms in all, then it is loaded here as well. */
const LOOK_PAUSES_MS = [5, 10, 20, 20];
/** Who comes later than this doesn't join a flight: while the channel is down, nothing says that it went stale. */
const JOINABLE_FOR_MS = 250;

interface Outcome<V> {
  readonly value: V | undefined;
  readonly result: Result;
}

/** From the look into Redis until the value is in memory. */
interface Flight<V> {
  readonly startedAtMs: number;
  /** The key was invalidated meanwhile: the value is good for who waits for it, and not to be kept. */
  isStale: boolean;
  readonly outcome: Promise<Outcome<V>>;
}

interface Loaded<V> {
  readonly value: V | undefined;
  /** Redis took it, so nothing had changed it until then. */
  readonly isKept: boolean;
}

/** One run of `load`. */
interface Load<V> {
  readonly startedAt: number;
  readonly isLeased: boolean;
  readonly done: Promise<Loaded<V>>;
  /** The one after it, for all who came when this one was running and can't be sure of what it read. */
  next: Promise<Loaded<V>> | undefined;
}

export function createKind<Id, V extends {}>(
  definition: KindDefinition<Id, V>,
  parts: {
    connection: CacheConnection;
    channel: InvalidationChannel;
    requests: CacheRequests;
    logger: Logger;
  },
): CachedKind<Id, V> & Kind {
  const { name, ttlSeconds, local } = definition;
  const { channel, requests } = parts;
  const shared = createSharedTier(parts);
  const memory = local && new LRUCache<string, V>({ max: local.maxEntries, ttl: local.ttlSeconds * 1000 });
  const flights = new Map<string, Flight<V>>();
  const loads = new Map<string, Load<V>>();
  /** A load serves many callers: it must not run in the transaction of the one that came first. */
  const outside = AsyncLocalStorage.snapshot();
  /** Orders arrivals and loads; a clock has no resolution for that. */
  let sequence = 0;

  const loadAndFill = async (key: string, id: Id, token: string | undefined): Promise<Loaded<V>> => {
    try {
      const value = await outside(() => definition.load(id));
      const json = value === undefined ? undefined : JSON.stringify(value);
      return { value, isKept: token !== undefined && (await shared.fill(key, token, json, ttlSeconds)) };
    } catch (error) {
      if (token !== undefined) await shared.fill(key, token, undefined, ttlSeconds);
      throw error;
    }
  };

  const startLoad = (key: string, id: Id, token: string | undefined): Promise<Loaded<V>> => {
    sequence += 1;
    const load: Load<V> = {
      startedAt: sequence,
      isLeased: token !== undefined,
      done: loadAndFill(key, id, token),
      next: undefined,
    };
    loads.set(key, load);
    const end = () => {
      if (loads.get(key) === load) loads.delete(key);
    };
    load.done.then(end, end);
    return load.done;
  };

  /**
   * A load that is good for somebody who came at `arrivedAt`: of what a load that was running already has read,
   * nobody knows whether it was before or after what the newcomer did.
   */
  const loadFor = (key: string, id: Id, arrivedAt: number): Promise<Loaded<V>> => {
    const running = loads.get(key);
    if (running === undefined) return startLoad(key, id, undefined);
    if (running.startedAt > arrivedAt) return running.done;
    const startNext = () => startLoad(key, id, undefined);
    running.next ??= running.done.then(startNext, startNext);
    return running.next;
  };

  const readShared = async (key: string, id: Id): Promise<Outcome<V>> => {
    sequence += 1;
    const arrivedAt = sequence;
    const loaded = async (result: Result): Promise<Outcome<V>> => ({
      value: (await loadFor(key, id, arrivedAt)).value,
      result,
    });
    for (const pauseMs of [...LOOK_PAUSES_MS, undefined]) {
      const look = await shared.look(key);
      switch (look.found) {
        case 'value': {
          const value = parseJson(look.json, definition);
          if (value !== undefined) return { value, result: 'hit' };
          await shared.remove(key);
          return loaded('miss');
        }
        case 'nothing':
          return { value: (await startLoad(key, id, look.token)).value, result: 'miss' };
        case 'error':
          return loaded('error');
        case 'lease': {
          const running = loads.get(key);
          if (running?.isLeased) {
            const { value, isKept } = await running.done;
            if (isKept || running.startedAt > arrivedAt) return { value, result: 'miss' };
          } else if (pauseMs !== undefined) {
            await delay(pauseMs);
          }
        }
      }
    }
    return loaded('miss');
  };

  const startFlight = (key: string, id: Id): Promise<Outcome<V>> => {
    const flight: Flight<V> = {
      startedAtMs: performance.now(),
      // What is published while the channel is down is not heard of: the value may be old before it arrives.
      isStale: !channel.isTrusted(),
      outcome: readShared(key, id),
    };
    flights.set(key, flight);
    const end = () => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.outcome.then(({ value }) => {
      end();
      if (value !== undefined && !flight.isStale && channel.isTrusted()) memory?.set(key, value);
    }, end);
    return flight.outcome;
  };

  const forgetFlight = (key: string, flight: Flight<V>) => {
    flight.isStale = true;
    flights.delete(key);
  };

  return {
    async get(id) {
      if (definition.isBypassed?.()) return definition.load(id);
      const key = definition.key(id);
      if (memory === undefined) return count(await readShared(key, id));
      const kept = channel.isTrusted() ? memory.get(key) : undefined;
      if (kept !== undefined) {
        requests.count(name, 'local', 'hit');
        return kept;
      }
      const running = flights.get(key);
      if (running !== undefined && performance.now() - running.startedAtMs < JOINABLE_FOR_MS) {
        return count(await running.outcome);
      }
      // Out of sight here, an invalidation would not reach it any more.
      if (running !== undefined) forgetFlight(key, running);
      return count(await startFlight(key, id));
    },
    async getShared(id) {
      if (definition.isBypassed?.()) return definition.load(id);
      return count(await readShared(definition.key(id), id));
    },
    forget(key) {
      memory?.delete(key);
      const flight = flights.get(key);
      if (flight !== undefined) forgetFlight(key, flight);
    },
    forgetAll() {
      memory?.clear();
      for (const [key, flight] of flights) forgetFlight(key, flight);
    },
  };

  function count({ value, result }: Outcome<V>): V | undefined {
    requests.count(name, 'shared', result);
    return value;
  }
}

function parseJson<Id, V extends {}>(text: string, { parse }: KindDefinition<Id, V>): V | undefined {
  try {
    return parse(JSON.parse(text));
  } catch {
    return undefined; // Not one of ours.
  }
}
