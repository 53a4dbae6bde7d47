import { WAITING_ROOM_JOBS } from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQueueMetrics, type QueueMetrics } from './metrics.ts';
import { relayBatch } from './relay.ts';
import { createOutboxRig, type OutboxRig } from './testing/outbox-rig.ts';
import { watchOnce } from './watch.ts';

let redis: TestRedis;
let rig: OutboxRig;
let queueMetrics: QueueMetrics;
beforeAll(async () => {
  redis = await startTestRedis('queue');
});
afterAll(() => redis.stop());
beforeEach(async () => {
  rig = await createOutboxRig(redis.url);
  queueMetrics = createQueueMetrics(rig.registry);
});
afterEach(() => rig.close());

const watch = () => watchOnce({ ...rig, queueMetrics });
const sampleOf = async (sample: string) => {
  const line = (await rig.registry.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
};
const jobs = (state: string) => sampleOf(`bullmq_job_count{queue="emails",state="${state}"}`);

describe('the watch over outbox and queue', () => {
  it('shows nothing before its first look', async () => {
    expect(await rig.registry.metrics()).not.toMatch(
      /^(sv_queue_depth|sv_queue_paused|bullmq_job_count)[ {]/m,
    );
  });

  it('counts what is due and has no end, in the outbox and in the queue, and the jobs by state', async () => {
    await rig.fill({ emails: 3 });
    await relayBatch(rig);
    await rig.fill({ emails: 2 });
    await rig.fill({ emails: 7, dueInSeconds: 3600 });
    await watch();
    expect(await sampleOf('sv_queue_depth')).toBe(5);
    expect([
      await jobs('waiting'),
      await jobs('active'),
      await jobs('delayed'),
      await jobs('failed'),
    ]).toEqual([3, 0, 0, 0]);
  });

  it('shows a pause, and its end', async () => {
    await rig.queue.pause();
    await watch();
    expect(await sampleOf('sv_queue_paused')).toBe(1);
    await rig.queue.resume();
    await watch();
    expect(await sampleOf('sv_queue_paused')).toBe(0);
  });

  it('shows since when the relay has left an email lying, and none that the queue has no room for', async () => {
    await rig.fill({ emails: 1, priority: 5, dueInSeconds: -100 });
    await rig.fill({ emails: 1, priority: 9, dueInSeconds: -200 });
    await watch();
    expect(Math.round((await sampleOf('sv_outbox_oldest_seconds')) ?? 0)).toBeGreaterThanOrEqual(200);
    const enough = Array.from({ length: WAITING_ROOM_JOBS }, (_, job) => [9 * 2 ** 32 + job, `job ${job}`]);
    await rig.taking.zadd('{emails}:emails:prioritized', ...enough.flat());
    await watch();
    const oldest = (await sampleOf('sv_outbox_oldest_seconds')) ?? 0;
    expect(oldest).toBeGreaterThanOrEqual(100);
    expect(oldest).toBeLessThan(200);
  });

  it('goes on showing what Postgres says while Redis is away', async () => {
    await rig.fill({ emails: 4, dueInSeconds: -100 });
    await redis.kill();
    try {
      await expect(watch()).rejects.toThrow();
      expect(await sampleOf('sv_queue_depth')).toBe(4);
      expect(await jobs('waiting')).toBeUndefined();
      expect(await sampleOf('sv_outbox_oldest_seconds')).toBeGreaterThanOrEqual(100);
    } finally {
      await redis.start();
    }
  });
});
