import { randomUUID } from 'node:crypto';
import { createLogger } from '@sv-sdk/telemetry';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createProducerConnection, createWorkerConnection, untilConnected } from './connection.ts';
import { createEmailQueue } from './email-queue.ts';
import { createEmailWorker } from './email-worker.ts';
import { startTestRedisCluster, type TestRedisCluster } from './testing/index.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
/** BullMQ's, of its blocking connection. */
const BLOCKING_NAME = '{emails}:';

let redis: TestRedisCluster;
beforeAll(async () => {
  redis = await startTestRedisCluster({ replicas: 0 });
});
afterAll(() => redis.stop());

test('a worker whose connection was made anew while the cluster served nothing takes jobs again once it does', async () => {
  const taking = createWorkerConnection(redis.url, logger);
  const adding = createProducerConnection(redis.url, logger);
  await Promise.all([untilConnected(taking), untilConnected(adding)]);
  const queue = createEmailQueue(adding, logger);
  const sent: string[] = [];
  const worker = createEmailWorker({
    connection: taking,
    concurrency: 2,
    logger,
    handlers: {
      send: async ({ emailSendId }) => {
        sent.push(emailSendId);
      },
    },
  });
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
    adding.disconnect();
    taking.disconnect();
  });
  const node = await redis.primaryOf(BLOCKING_NAME);
  const server = redis.connect(node);
  onTestFinished(() => server.disconnect());
  const blocking = async () => {
    const list = (await server.client('LIST')) as string;
    const lines = list.split('\n').filter((line) => line.includes(`name=${BLOCKING_NAME}`));
    return lines.map((line) => line.split(' ')[0]);
  };
  const state = async () => /cluster_state:(\w+)/.exec(await server.cluster('INFO'))?.[1];
  await expect.poll(blocking, { timeout: 15_000 }).toHaveLength(1);
  const [before] = await blocking();

  // Without a majority a node serves nobody, as in the moments before a replica is elected.
  const others = [0, 1, 2].filter((other) => other !== node);
  for (const other of others) await redis.kill(other);
  await expect.poll(state, { timeout: 15_000 }).toBe('fail');
  // BullMQ gives up what it has waited for, and connects anew.
  await expect.poll(blocking, { timeout: 30_000 }).not.toContain(before);
  for (const other of others) await redis.start(other);
  await expect.poll(state, { timeout: 15_000 }).toBe('ok');

  const email = { emailSendId: randomUUID(), priority: 5, dueAt: new Date() };
  await expect
    .poll(() => queue.addSends([email]).then(() => 'added', String), { timeout: 15_000 })
    .toBe('added');
  await expect.poll(() => sent, { timeout: 20_000 }).toContain(email.emailSendId);
});
