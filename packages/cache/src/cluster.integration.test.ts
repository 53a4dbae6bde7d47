/** What only a cluster can do: lose a node and go on, move slots, and have keys on several servers. */
import { startTestRedisCluster, type TestRedisCluster } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import calculateSlot from 'cluster-key-slot';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Cache, createCache } from './cache.ts';
import type { CachedKind } from './kind.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });
const IDS = Array.from({ length: 60 }, () => crypto.randomUUID());

let redis: TestRedisCluster;
beforeAll(async () => {
  redis = await startTestRedisCluster({ replicas: 1 });
});
afterAll(() => redis.stop());

/** What Postgres is to the platform. */
const truth = new Map<string, string>();

interface Instance {
  readonly cache: Cache;
  readonly session: CachedKind<string, string>;
  readonly user: CachedKind<string, string>;
}

async function connect(): Promise<Instance> {
  // By the node that no test stops.
  const cache = createCache({ url: redis.url, logger, registry: new Registry() });
  onTestFinished(() => cache.close());
  const definition = {
    ttlSeconds: 60,
    load: async (id: string) => truth.get(id),
    parse: (json: unknown) => (typeof json === 'string' ? json : undefined),
  };
  const instance = {
    cache,
    session: cache.kind({
      ...definition,
      name: 'session',
      key: (id: string) => `session:${id}`,
      local: { maxEntries: 100, ttlSeconds: 60 },
    }),
    user: cache.kind({ ...definition, name: 'user', key: (id: string) => `user:${id}` }),
  };
  await cache.whenTrusted();
  return instance;
}

const keysOf = (id: string) => [`session:${id}`, `user:${id}`];

/** As an API does it: the truth first, then the word of it; as long as nobody takes it, again. */
async function change(instance: Instance, id: string, value: string): Promise<void> {
  truth.set(id, value);
  while (!(await instance.cache.publish(keysOf(id)))) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Reads and changes on two instances until it is stopped. Answers what was read and was wrong. */
function startTraffic(reader: Instance, writer: Instance) {
  let isRunning = true;
  let version = 0;
  const counts = { reads: 0, changes: 0, errors: 0, stale: 0 };
  const read = async () => {
    while (isRunning) {
      for (const id of IDS.slice(30)) {
        // Nobody changes these: what else would be said of them is an error.
        const values = await Promise.all([reader.session.get(id), reader.user.get(id)]).catch(
          () => undefined,
        );
        counts.reads += 2;
        if (values === undefined) counts.errors += 1;
        else if (values.some((value) => value !== truth.get(id))) counts.stale += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const write = async () => {
    while (isRunning) {
      for (const id of IDS.slice(0, 30)) {
        version += 1;
        await change(writer, id, String(version));
        counts.changes += 1;
        // Whoever asks the shared tier after the word was taken sees the change, whatever node has died meanwhile.
        const values = await Promise.all([writer.session.getShared(id), reader.user.get(id)]);
        if (values.some((value) => value !== String(version))) counts.stale += 1;
        if (!isRunning) return;
      }
    }
  };
  const done = Promise.all([read(), write()]);
  done.catch(() => undefined);
  return {
    counts,
    async stop() {
      isRunning = false;
      await done;
      return counts;
    },
  };
}

/** Waits until each node is one of the six and all slots are served. */
const untilWhole = () =>
  expect
    .poll(async () => (await redis.roles()).toSorted(), { timeout: 60_000 })
    .toEqual(['primary', 'primary', 'primary', 'replica', 'replica', 'replica']);

/** A primary that has some of the keys, and isn't the node by which instances find the cluster. */
async function victim(): Promise<number> {
  for (const id of IDS) {
    const node = await redis.primaryOf(`user:${id}`);
    if (node !== 0) return node;
  }
  throw new Error('the first node has every key');
}

test('keys lie on every primary, each with an end, and invalidations and heartbeats on one', async () => {
  const instance = await connect();
  for (const id of IDS) {
    truth.set(id, 'value');
    await instance.session.get(id);
    await instance.user.get(id);
  }
  expect(await instance.cache.setGreatest('lsn:one', '1', 30)).toBe(true);
  expect(await instance.cache.set('email:status:one', 1, 30)).toBe(true);
  const roles = await redis.roles();
  for (const [node, role] of roles.entries()) {
    if (role !== 'primary') continue;
    const direct = redis.connect(node);
    const keys = await direct.keys('*');
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys) expect(await direct.ttl(key), key).toBeGreaterThan(0);
    direct.disconnect();
  }
  expect(calculateSlot('{cache}:stale')).toBe(calculateSlot('{cache}:heartbeat:x'));
  expect(await instance.cache.del(...IDS.flatMap(keysOf))).toBe(true);
});

test('a slot that moves to another node while it is read and changed: no error, nothing old', async () => {
  for (const id of IDS) truth.set(id, 'value');
  const [reader, writer] = await Promise.all([connect(), connect()]);
  const id = IDS[0] as string;
  const key = `user:${id}`;
  const from = await redis.primaryOf(key);
  const to = (await redis.roles()).findIndex((role, node) => role === 'primary' && node !== from);
  const [source, target] = [redis.connect(from), redis.connect(to)];
  const slot = calculateSlot(key);
  const [sourceId, targetId] = [await source.cluster('MYID'), await target.cluster('MYID')];
  const traffic = startTraffic(reader, writer);
  try {
    // As redis-cli --cluster reshard does. In between there are ASK answers, afterwards MOVED.
    await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
    await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
    const before = traffic.counts.changes;
    await expect.poll(() => traffic.counts.changes).toBeGreaterThan(before + 60);
    const [host = '', port = ''] = redis.addressOf(to).split(':');
    for (;;) {
      const keys = await source.cluster('GETKEYSINSLOT', slot, 100);
      if (keys.length === 0) break;
      await source.call('MIGRATE', host, port, '', '0', '5000', 'AUTH', redis.password, 'KEYS', ...keys);
    }
    await target.cluster('SETSLOT', slot, 'NODE', targetId);
    await source.cluster('SETSLOT', slot, 'NODE', targetId);
    const moved = traffic.counts.changes;
    await expect.poll(() => traffic.counts.changes).toBeGreaterThan(moved + 60);
  } finally {
    source.disconnect();
    target.disconnect();
  }
  const counts = await traffic.stop();
  process.stdout.write(`a slot moved: ${JSON.stringify(counts)}\n`);
  expect(counts).toMatchObject({ errors: 0, stale: 0 });
  expect(await redis.primaryOf(key)).toBe(to);
});

test.each(['killed', 'paused'] as const)(
  'a primary that is %s costs only time: no error, nothing old, and its replica takes its place',
  async (fault) => {
    for (const id of IDS) truth.set(id, 'value');
    const [reader, writer] = await Promise.all([connect(), connect()]);
    const node = await victim();
    const traffic = startTraffic(reader, writer);
    await expect.poll(() => traffic.counts.changes).toBeGreaterThan(30);
    const startMs = performance.now();
    await (fault === 'killed' ? redis.kill(node) : redis.pause(node));
    // The other nodes go on, and every value can be had all the time.
    await expect
      .poll(async () => (await redis.roles()).filter((role) => role === 'primary').length, {
        timeout: 60_000,
      })
      .toBe(3);
    const promotedMs = performance.now() - startMs;
    const before = traffic.counts.changes;
    await expect.poll(() => traffic.counts.changes, { timeout: 60_000 }).toBeGreaterThan(before + 60);
    const counts = await traffic.stop();
    process.stdout.write(
      `a primary ${fault}: ${JSON.stringify(counts)}, replaced after ${(promotedMs / 1000).toFixed(1)} s\n`,
    );
    await (fault === 'killed' ? redis.start(node) : redis.unpause(node));
    await untilWhole();
    expect(counts).toMatchObject({ errors: 0, stale: 0 });
    await expect.poll(() => reader.cache.isTrusted() && writer.cache.isTrusted()).toBe(true);
  },
);

test('a removal counts when the replica has it: a primary that dies afterwards brings nothing back', async () => {
  const instance = await connect();
  const node = await victim();
  const key = await keyOn(node);
  const id = key.slice('user:'.length);
  truth.set(id, 'old');
  expect(await instance.user.get(id)).toBe('old');
  const replica = await replicaOf(node);
  truth.set(id, 'new');
  await redis.pause(replica);
  // The primary has removed it, and is the only one that has.
  expect(await instance.cache.publish([key])).toBe(false);
  expect(await instance.user.get(id)).toBe('new');
  await redis.unpause(replica);
  await expect.poll(() => instance.cache.publish([key])).toBe(true);
  await untilWhole();
});

async function keyOn(node: number): Promise<string> {
  for (;;) {
    const key = `user:${crypto.randomUUID()}`;
    if ((await redis.primaryOf(key)) === node) return key;
  }
}

async function replicaOf(node: number): Promise<number> {
  const direct = redis.connect(node);
  const [, , replicas] = (await direct.role()) as ['master', number, [string, string, string][]];
  direct.disconnect();
  const [host] = replicas[0] ?? [];
  const nodes = Array.from({ length: redis.nodes }, (_, index) => index);
  return nodes.findIndex((candidate) => redis.addressOf(candidate).split(':')[0] === host);
}
