import { createLogger } from '@sv-sdk/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorkerConnection, untilConnected } from './connection.ts';
import { assertQueuePolicy } from './policy.ts';
import { startTestRedis, startTestRedisCluster, type TestRedis } from './testing/index.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

describe('the policy of the queue’s Redis', () => {
  let queue: TestRedis;
  let cache: TestRedis;
  beforeAll(async () => {
    [queue, cache] = await Promise.all([startTestRedis('queue'), startTestRedis('cache')]);
  });
  afterAll(() => Promise.all([queue.stop(), cache.stop()]));

  it('is accepted when nothing is evicted', async () => {
    const connection = createWorkerConnection(queue.url, logger);
    await expect(assertQueuePolicy(connection)).resolves.toBeUndefined();
    connection.disconnect();
  });

  it('is refused when keys are evicted, with the server, what it has, what is expected and why', async () => {
    const connection = createWorkerConnection(cache.url, logger);
    const { host, port } = new URL(cache.url);
    const refusal = expect.objectContaining({
      name: 'QueuePolicyError',
      message: expect.stringMatching(
        new RegExp(
          `${host}.* has maxmemory-policy "allkeys-lru"; "noeviction" is expected\\. .*jobs with them.*docs\\.bullmq\\.io`,
        ),
      ),
    });
    await expect(assertQueuePolicy(connection)).rejects.toEqual(refusal);
    expect(host).toContain(port);
    await connection.config('SET', 'maxmemory-policy', 'volatile-ttl');
    await expect(assertQueuePolicy(connection)).rejects.toThrow('"volatile-ttl"');
    connection.disconnect();
  });

  it('is judged by every primary of a cluster', async () => {
    const cluster = await startTestRedisCluster({ replicas: 0 });
    const connection = createWorkerConnection(cluster.url, logger);
    try {
      await untilConnected(connection);
      await expect(assertQueuePolicy(connection)).resolves.toBeUndefined();
      for (let node = 0; node < cluster.nodes; node += 1) {
        const direct = cluster.connect(node);
        await direct.config('SET', 'maxmemory-policy', 'allkeys-lru');
        await expect(assertQueuePolicy(connection)).rejects.toThrow(
          `${cluster.addressOf(node)}, has maxmemory-policy "allkeys-lru"`,
        );
        await direct.config('SET', 'maxmemory-policy', 'noeviction');
        direct.disconnect();
      }
    } finally {
      connection.disconnect();
      await cluster.stop();
    }
  });

  it('never shows the password', async () => {
    const connection = createWorkerConnection(cache.url, logger);
    const error = await assertQueuePolicy(connection).catch((reason: unknown) => String(reason));
    expect(error).not.toContain(cache.password);
    connection.disconnect();
  });
});
