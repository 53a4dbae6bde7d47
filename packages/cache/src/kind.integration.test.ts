import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { startTestRedis, startTestRedisCluster } from '@sv-sdk/queue/testing';
import { isCluster, openRedisClient, primariesOf, type RedisClient } from '@sv-sdk/redis';
import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Cache, createCache } from './cache.ts';
import { publishOn } from './invalidator.ts';
import type { CachedKind } from './kind.ts';
import { lastTime, startFreezingProxy } from './testing/index.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

/** The guarantees are the same on both; what a cluster adds to them is in cluster.integration.test.ts. */
const SERVERS = ['one server', 'a cluster'] as const;
let servers: Record<(typeof SERVERS)[number], { url: string; stop(): Promise<void> }>;
let redis: { url: string };
beforeAll(async () => {
  const [single, cluster] = await Promise.all([
    startTestRedis('cache'),
    startTestRedisCluster({ replicas: 0 }),
  ]);
  servers = { 'one server': single, 'a cluster': cluster };
  redis = single;
});
afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));

async function connectRaw(): Promise<RedisClient> {
  const raw = openRedisClient(redis.url, {});
  onTestFinished(() => raw.disconnect());
  if (raw.status !== 'ready') await once(raw, 'ready');
  return raw;
}

/** How often a key is set from now on, of each server where one is; a look sets, too (shared-tier.ts). */
async function countSets(): Promise<() => Promise<string[]>> {
  const nodes = primariesOf(await connectRaw());
  await Promise.all(nodes.map((node) => node.config('RESETSTAT')));
  return async () => {
    const counts = await Promise.all(
      nodes.map(async (node) => /cmdstat_set:calls=(\d+)/.exec(await node.info('commandstats'))?.[1]),
    );
    return counts.filter((count) => count !== undefined);
  };
}

/** What Postgres is to the platform: the truth, with a look that can be held up. */
class Source {
  readonly values = new Map<string, string>();
  /** Looks by the name of the instance that looked. */
  readonly looks: string[] = [];
  #gates: (() => void)[] | undefined;

  /** From now on a look reads at once, and answers only when `release` is called. */
  hold(): void {
    this.#gates = [];
  }

  release(): void {
    for (const open of this.#gates ?? []) open();
    this.#gates = undefined;
  }

  async look(instance: string, id: string): Promise<string | undefined> {
    this.looks.push(instance);
    const value = this.values.get(id);
    const gates = this.#gates;
    if (gates !== undefined) await new Promise<void>((open) => gates.push(open));
    return value;
  }
}

interface Instance {
  readonly cache: Cache;
  /** Kept in memory and in Redis. */
  readonly local: CachedKind<string, string>;
  /** Kept in Redis only. */
  readonly shared: CachedKind<string, string>;
  readonly metrics: () => Promise<string>;
}

const localKey = (id: string) => `session:${id}`;
const sharedKey = (id: string) => `user:${id}`;
const parse = (json: unknown) => (typeof json === 'string' ? json : undefined);

/** An instance of the platform, with connections of its own; ready when its memory may be used. */
async function connect(
  source: Source,
  options: { name?: string; url?: string; commandTimeoutMs?: number; untilTrusted?: boolean } = {},
): Promise<Instance> {
  const { name = 'a', url = redis.url, commandTimeoutMs = 5_000, untilTrusted = true } = options;
  const registry = new Registry();
  const cache = createCache({ url, commandTimeoutMs, logger, registry });
  onTestFinished(() => cache.close());
  const definition = { ttlSeconds: 60, load: (id: string) => source.look(name, id), parse };
  const instance = {
    cache,
    local: cache.kind({
      ...definition,
      name: 'session',
      key: localKey,
      local: { maxEntries: 100, ttlSeconds: 60 },
    }),
    shared: cache.kind({ ...definition, name: 'user', key: sharedKey }),
    metrics: () => registry.metrics(),
  };
  if (untilTrusted) await cache.whenTrusted();
  return instance;
}

const newId = () => crypto.randomUUID();
/** Its keys are in one slot of a cluster, whatever their kind: one connection has them all, and answers in order. */
const newIdInOneSlot = () => `{${newId()}}`;
describe.each(SERVERS)('on %s', (server) => {
  beforeAll(() => {
    redis = servers[server];
  });

  describe.each(['local', 'shared'] as const)('a %s kind', (which) => {
    const keyOf = which === 'local' ? localKey : sharedKey;

    test('200 reads at once on 2 instances look at the source once each, and not 200 times', async () => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'value');
      const instances = await Promise.all([connect(source, { name: 'a' }), connect(source, { name: 'b' })]);
      source.hold();
      const reads = instances.flatMap((instance) =>
        Array.from({ length: 100 }, () => instance[which].get(id)),
      );
      // Whoever didn't get the lease waits for some tens of ms, then looks by itself.
      await expect.poll(() => source.looks.length).toBe(2);
      source.release();
      expect(new Set(await Promise.all(reads))).toEqual(new Set(['value']));
      // A busy machine may hold one read up until the load that it would have joined has ended: it looks for itself.
      expect(new Set(source.looks)).toEqual(new Set(['a', 'b']));
      expect(source.looks.length).toBeLessThanOrEqual(MOST_LOOKS);
    });

    test('what one instance has loaded, another does not load', async () => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'value');
      const [a, b] = await Promise.all([connect(source, { name: 'a' }), connect(source, { name: 'b' })]);
      expect(await a[which].get(id)).toBe('value');
      expect(await b[which].get(id)).toBe('value');
      expect(source.looks).toEqual(['a']);
      expect(await (await connectRaw()).ttl(keyOf(id))).toBeGreaterThan(50);
    });

    test('what was read before a change is not kept after it', async () => {
      const source = new Source();
      const [id, marker] = [newId(), newId()];
      source.values.set(id, 'old');
      const [reader, writer] = await Promise.all([connect(source, { name: 'r' }), connect(source)]);
      source.values.set(marker, 'kept in memory');
      await reader.local.get(marker);

      source.hold();
      const early = reader[which].get(id);
      await expect.poll(() => source.looks.filter((name) => name === 'r').length).toBeGreaterThan(1);
      source.values.set(id, 'new');
      const looks = source.looks.length;
      expect(await writer.cache.publish([keyOf(id), localKey(marker)])).toBe(true);
      // The reader has heard of it once it has forgotten what was published along with it.
      await expect
        .poll(() => {
          void reader.local.get(marker);
          return source.looks.length;
        })
        .toBeGreaterThan(looks);
      source.release();

      expect(await early).toBe('old');
      expect(await reader[which].get(id)).toBe('new');
      expect(await writer[which].get(id)).toBe('new');
    });

    test('a wipe during a load costs nothing but the value in Redis', async () => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'value');
      const instance = await connect(source);
      const raw = await connectRaw();
      source.hold();
      const read = instance[which].get(id);
      await expect.poll(() => source.looks.length).toBe(1);
      await Promise.all(primariesOf(raw).map((node) => node.flushall()));
      source.release();
      expect(await read).toBe('value');
      expect(await raw.exists(keyOf(id))).toBe(0);
      expect(await instance.shared.get(id)).toBe('value');
      expect(await raw.exists(sharedKey(id))).toBe(1);
    });

    test.each([
      ['a text', 'no JSON'],
      ['another shape', '{"a":1}'],
      ['nothing', ''],
      ['null', 'null'],
      ['the first half', '"val'],
    ])('%s under a key is a miss, and is replaced', async (_what, garbage) => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'value');
      const instance = await connect(source);
      const raw = await connectRaw();
      await raw.set(keyOf(id), garbage);
      expect(await instance[which].get(id)).toBe('value');
      expect(await instance[which].getShared(id)).toBe('value');
      expect(await raw.get(keyOf(id))).toBe('"value"');
    });

    test('a key that holds no text at all is a miss, and is replaced', async () => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'value');
      const instance = await connect(source);
      const raw = await connectRaw();
      await raw.rpush(keyOf(id), 'an', 'entry');
      expect(await instance[which].getShared(id)).toBe('value');
      expect(await instance[which].getShared(id)).toBe('value');
      expect(await raw.get(keyOf(id))).toBe('"value"');
    });

    test('what is not there is not kept, and nobody waits for it', async () => {
      const source = new Source();
      const id = newId();
      const instance = await connect(source);
      expect(await instance[which].get(id)).toBeUndefined();
      expect(await (await connectRaw()).exists(keyOf(id))).toBe(0);
      source.values.set(id, 'value');
      expect(await instance[which].get(id)).toBe('value');
    });

    test('a failed load reaches everybody who waits for it, and keeps nobody from trying again', async () => {
      const source = new Source();
      const id = newId();
      let failures = 1;
      const cache = createCache({
        url: redis.url,
        commandTimeoutMs: 5_000,
        logger,
        registry: new Registry(),
      });
      onTestFinished(() => cache.close());
      await cache.whenTrusted();
      source.values.set(id, 'value');
      const kind = cache.kind<string, string>({
        name: keyOf('').slice(0, -1),
        key: keyOf,
        ttlSeconds: 60,
        ...(which === 'local' && { local: { maxEntries: 10, ttlSeconds: 60 } }),
        parse,
        async load(wanted) {
          failures -= 1;
          if (failures >= 0) throw new Error('the source is away');
          return source.look('a', wanted);
        },
      });
      await expect(kind.get(id)).rejects.toThrow('the source is away');
      expect(await kind.get(id)).toBe('value');
    });
  });

  test("a load runs in nobody's context: not in the transaction of whoever came first", async () => {
    const context = new AsyncLocalStorage<string>();
    const cache = createCache({ url: redis.url, logger, registry: new Registry() });
    onTestFinished(() => cache.close());
    const seen: (string | undefined)[] = [];
    const kind = cache.kind<string, string>({
      name: 'user',
      key: sharedKey,
      ttlSeconds: 60,
      parse,
      async load() {
        seen.push(context.getStore());
        return undefined;
      },
      isBypassed: () => context.getStore() === 'open transaction',
    });
    await context.run('request', () => kind.get(newId()));
    await context.run('open transaction', () => kind.get(newId()));
    expect(seen).toEqual([undefined, 'open transaction']);
  });

  test('of a shared kind everybody sees their own write, whoever is loading the value of before', async () => {
    const source = new Source();
    const id = newId();
    source.values.set(id, 'old');
    const instance = await connect(source);
    source.hold();
    const early = instance.shared.get(id);
    await expect.poll(() => source.looks.length).toBe(1);
    source.values.set(id, 'new');
    await instance.cache.publish([sharedKey(id)]);
    const late = instance.shared.get(id);
    await expect.poll(() => source.looks.length).toBe(2);
    source.release();
    expect(await Promise.all([early, late])).toEqual(['old', 'new']);
  });

  test('also when another instance is loading the new value already', async () => {
    const source = new Source();
    const id = newIdInOneSlot();
    source.values.set(id, 'old');
    const [one, other] = await Promise.all([connect(source, { name: 'one' }), connect(source)]);
    await one.local.get(id); // into Redis
    source.hold();
    const early = one.shared.get(id);
    await expect.poll(() => source.looks.length).toBe(2);
    source.values.set(id, 'new');
    await one.cache.publish([sharedKey(id)]);
    const elsewhere = other.shared.get(id);
    await expect.poll(() => source.looks.length).toBe(3);
    // It finds the other's lease, while its own process is still loading the old value under one that is gone.
    const late = one.shared.get(id);
    await one.local.getShared(id); // of another key; Redis answers in order
    source.release();
    expect(await Promise.all([early, elsewhere, late])).toEqual(['old', 'new', 'new']);
  });

  test('while Redis is away, who comes during a load gets the next one, and it is one for all', async () => {
    const source = new Source();
    const id = newId();
    source.values.set(id, 'old');
    const instance = await connect(source, { url: 'redis://127.0.0.1:1', untilTrusted: false });
    source.hold();
    const early = instance.shared.get(id);
    await expect.poll(() => source.looks.length).toBe(1);
    source.values.set(id, 'new');
    const late = Array.from({ length: 50 }, () => instance.shared.get(id));
    // All of them have found out by then that Redis is away.
    await new Promise<void>((resolve) => setImmediate(resolve));
    source.release();
    expect(await early).toBe('old');
    expect(new Set(await Promise.all(late))).toEqual(new Set(['new']));
    expect(source.looks).toHaveLength(2);
  });

  test('of a local kind 100 reads at once are one look into Redis', async () => {
    const source = new Source();
    const id = newId();
    source.values.set(id, 'value');
    const instance = await connect(source);
    const sets = await countSets();
    await Promise.all(Array.from({ length: 100 }, () => instance.local.get(id)));
    expect(await sets()).toEqual(['2']); // and the fill's
  });

  test('counts each value that was asked for once, by kind, tier and result', async () => {
    const source = new Source();
    const id = newIdInOneSlot();
    source.values.set(id, 'value');
    const [a, b] = await Promise.all([connect(source), connect(source)]);
    await a.local.get(id); // miss
    await a.local.get(id); // memory
    await a.local.get(id); // memory
    const sets = await countSets();
    source.hold();
    // Both a miss: the second one is asked while the first one's is being loaded, and looks before that ends.
    const first = b.shared.get(id);
    await vi.waitFor(() => expect(source.looks).toHaveLength(2));
    const second = b.shared.get(id);
    await b.local.get(id); // Redis
    await vi.waitFor(async () => expect(await sets()).toEqual(['3']));
    source.release();
    await Promise.all([first, second]);
    expect(await a.metrics()).toContain(
      'sv_cache_requests_total{kind="session",tier="shared",result="miss"} 1',
    );
    expect(await a.metrics()).toContain(
      'sv_cache_requests_total{kind="session",tier="local",result="hit"} 2',
    );
    expect(await b.metrics()).toContain(
      'sv_cache_requests_total{kind="session",tier="shared",result="hit"} 1',
    );
    expect(await b.metrics()).toContain('sv_cache_requests_total{kind="user",tier="shared",result="miss"} 2');
    expect(await a.metrics()).toContain('\nsv_cache_channel_trusted 1\n');
  });

  describe('invalidation', () => {
    test('reaches every one of 5 instances within a second', async () => {
      const source = new Source();
      const ids = Array.from({ length: 20 }, newId);
      const instances = await Promise.all(
        Array.from({ length: 5 }, (_, index) => connect(source, { name: String(index) })),
      );
      for (const id of ids) {
        source.values.set(id, 'old');
        for (const instance of instances) await instance.local.get(id);
      }
      const [writer] = instances;
      for (const id of ids) source.values.set(id, 'new');
      const start = performance.now();
      await writer?.cache.publish(ids.map(localKey));
      const lastOldAt = await lastTime(start, async () => {
        const values = instances.flatMap((instance) => ids.map((id) => instance.local.get(id)));
        return (await Promise.all(values)).includes('old');
      });
      expect(lastOldAt - start).toBeLessThan(1_000);
    });

    test('a message that is not one of ours throws everything out', async () => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'old');
      const instance = await connect(source);
      await instance.local.get(id);
      source.values.set(id, 'new');
      const raw = await connectRaw();
      await raw.del(localKey(id));
      await publishOn(raw, isCluster(raw) ? '{cache}:stale' : 'cache:stale', '{"cut off', '');
      await expect.poll(() => instance.local.get(id)).toBe('new');
    });
  });
});

/** Of 200 reads. */
const MOST_LOOKS = 6;

describe('invalidation on one server', () => {
  beforeAll(() => {
    redis = servers['one server'];
  });

  test.each(['frozen', 'abandoned'] as const)(
    'over a connection that is %s: memory is not trusted, within a second of the last good message',
    async (fault) => {
      const source = new Source();
      const id = newId();
      source.values.set(id, 'old');
      const proxy = await startFreezingProxy(redis.url);
      onTestFinished(() => proxy.close());
      const writer = await connect(source, { name: 'writer' });
      const reader = await connect(source, { name: 'reader', url: proxy.url, commandTimeoutMs: 200 });
      await reader.local.get(id);
      if (fault === 'frozen') proxy.freeze();
      else proxy.abandon();
      source.values.set(id, 'new');
      const start = performance.now();
      await writer.cache.publish([localKey(id)]);
      const lastOldAt = await lastTime(start, async () => (await reader.local.get(id)) === 'old');
      expect(lastOldAt - start).toBeLessThan(1_000);
      expect(reader.cache.isTrusted()).toBe(false);
      expect(await reader.metrics()).toContain('\nsv_cache_channel_trusted 0\n');

      // From here on every change is seen at once.
      source.values.set(id, 'newer');
      await writer.cache.publish([localKey(id)]);
      expect(await reader.local.get(id)).toBe('newer');

      if (fault === 'frozen') proxy.thaw();
      // An abandoned connection is given up, and another one made.
      await expect.poll(() => reader.cache.isTrusted(), { timeout: 15_000 }).toBe(true);
      expect(await reader.local.get(id)).toBe('newer');
    },
  );

  test('what was published while the subscription was gone is not missed', async () => {
    const source = new Source();
    const id = newId();
    source.values.set(id, 'old');
    const [reader, writer] = await Promise.all([connect(source), connect(source)]);
    await reader.local.get(id);
    const raw = await connectRaw();
    source.values.set(id, 'new');
    await raw
      .multi()
      .call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      .del(localKey(id))
      .publish('cache:stale', JSON.stringify([localKey(id)]))
      .exec();
    await expect.poll(() => reader.local.get(id)).toBe('new');
    await expect.poll(() => reader.cache.isTrusted() && writer.cache.isTrusted()).toBe(true);
  });
});

describe('a Redis that hangs', () => {
  beforeAll(() => {
    redis = servers['one server'];
  });

  test("holds a request up once, for a command's timeout, whatever it needs", async () => {
    const source = new Source();
    const proxy = await startFreezingProxy(redis.url);
    onTestFinished(() => proxy.close());
    const instance = await connect(source, { url: proxy.url, commandTimeoutMs: 200 });
    proxy.freeze();
    const start = performance.now();
    for (let index = 0; index < 10; index += 1) {
      const id = newId();
      source.values.set(id, 'value');
      expect(await instance.shared.get(id)).toBe('value');
    }
    // One timeout, not ten; the rest is what a loaded machine may take.
    expect(performance.now() - start).toBeLessThan(800);
    expect(await instance.cache.publish([sharedKey('1')])).toBe(false);
    expect(await instance.metrics()).toContain(
      'sv_cache_requests_total{kind="user",tier="shared",result="error"}',
    );

    proxy.thaw();
    await expect.poll(() => instance.cache.publish([sharedKey('1')])).toBe(true);
    await expect.poll(() => instance.cache.isTrusted()).toBe(true);
  });
});
