import { emailOutbox } from '@sv-sdk/db';
import { EMAIL_QUEUE_PREFIX } from '@sv-sdk/queue';
import {
  startTestRedis,
  startTestRedisCluster,
  type TestRedis,
  type TestRedisCluster,
} from '@sv-sdk/queue/testing';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Loop } from '../loop.ts';
import { createRig, logger, type Rig } from '../testing/rig.ts';
import { type SmtpSink, startSmtpSink } from '../testing/smtp-sink.ts';
import { relayBatch } from './relay.ts';
import { startSweeper } from './sweeper.ts';

let redis: TestRedis;
let cluster: TestRedisCluster;
let sink: SmtpSink;
let rigs: Rig[];
let sweepers: Loop[];
beforeAll(async () => {
  [redis, cluster, sink] = await Promise.all([
    startTestRedis('queue'),
    startTestRedisCluster({ replicas: 1 }),
    startSmtpSink(),
  ]);
});
afterAll(async () => {
  await Promise.all([sink.close(), redis.stop(), cluster.stop()]);
});
const start = async (redisUrl: string) => {
  const rig = await createRig({ redisUrl, smtpUrl: sink.url });
  rigs = [rig, await rig.another()];
};
beforeEach(() => {
  rigs = [];
  sweepers = [];
});
afterEach(async () => {
  for (const sweeper of sweepers) await sweeper.stop();
  for (const one of rigs.reverse()) await one.close();
});

const first = () => rigs[0] as Rig;
const startAll = () => {
  for (const rig of rigs) {
    rig.startRelay();
    rig.startWorker();
    sweepers.push(startSweeper({ ...rig, afterSeconds: 1, logger }));
  }
};
const timesSeen = (id: string) => sink.received.filter(({ messageId }) => messageId.includes(id)).length;

/** Replication is behind by what the primary answered last: those jobs are gone, and the sweeper knows their emails. */
async function killPrimary(): Promise<void> {
  const primary = await cluster.primaryOf(EMAIL_QUEUE_PREFIX);
  await cluster.kill(primary);
  await expect
    .poll(async () => (await cluster.roles()).filter((role) => role === 'primary').length, {
      timeout: 40_000,
    })
    .toBe(3);
  expect(await cluster.primaryOf(EMAIL_QUEUE_PREFIX)).not.toBe(primary);
}

describe('when the queue is lost under work', () => {
  it.each([
    ['wiped', () => redis.url, () => first().taking.flushall()],
    [
      'killed',
      () => redis.url,
      async () => {
        await redis.kill();
        await redis.start();
      },
    ],
    [
      'on a primary of a cluster that is killed, which its replica takes the place of',
      () => cluster.url,
      killPrimary,
    ],
  ])('every email is sent and has its end: %s', async (_name, url, happen) => {
    await start(url());
    startAll();
    const ids = await first().enqueue(...Array.from({ length: 400 }, () => ({})));
    await expect.poll(() => ids.filter((id) => timesSeen(id) > 0).length).toBeGreaterThan(50);
    await happen();
    await expect.poll(() => first().unendedCount(), { timeout: 50_000 }).toBe(0);
    const rows = await first().rows();
    expect(rows.map(({ status }) => status)).toEqual(ids.map(() => 'sent'));
    // No crash of a worker: none went out twice either.
    expect(ids.map(timesSeen)).toEqual(ids.map(() => 1));
  });

  it('the job of an email that was cancelled does nothing', async () => {
    await start(redis.url);
    const rig = first();
    const [cancelled = '', other = ''] = await rig.enqueue({ priority: 1 }, { priority: 9 });
    await relayBatch(rig);
    await rig.change(cancelled, { status: 'cancelled' });
    await rig.db.write().delete(emailOutbox).where(eq(emailOutbox.emailSendId, cancelled));
    rig.startWorker(1);
    await expect.poll(async () => (await rig.row(other)).status).toBe('sent');
    expect((await rig.row(cancelled)).status).toBe('cancelled');
    expect(timesSeen(cancelled)).toBe(0);
    expect(await rig.queue.bull.getJobState(cancelled)).toBe('completed');
  });
});
