import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLAIM_LEASE_SECONDS } from '../jobs/email-row.ts';
import { createRig, type Rig } from '../testing/rig.ts';
import { type SmtpSink, startSmtpSink } from '../testing/smtp-sink.ts';
import { relayBatch } from './relay.ts';
import { type SweepPosition, sweepBatch } from './sweeper.ts';

let redis: TestRedis;
let sink: SmtpSink;
let rig: Rig;
beforeAll(async () => {
  redis = await startTestRedis('queue');
  sink = await startSmtpSink();
});
afterAll(async () => {
  await sink.close();
  await redis.stop();
});
beforeEach(async () => {
  rig = await createRig({ redisUrl: redis.url, smtpUrl: sink.url });
});
afterEach(() => rig.close());

const jobCount = async () => {
  const { paused: _, ...counts } = await rig.queue.bull.getJobCounts();
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
};
const many = (emails: number) => rig.enqueue(...Array.from({ length: emails }, () => ({})));

describe('the relay', () => {
  it('moves every email once, however many relays there are', async () => {
    const others = await Promise.all([rig.another(), rig.another()]);
    try {
      await many(1300);
      const moved = await Promise.all([rig, ...others, rig, ...others].map((one) => relayBatch(one)));
      let left = await rig.outboxCount();
      while (left > 0) {
        moved.push(await relayBatch(rig));
        left = await rig.outboxCount();
      }
      expect(moved.reduce((sum, count) => sum + count, 0)).toBe(1300);
      expect(await jobCount()).toBe(1300);
    } finally {
      for (const one of others) await one.close();
    }
  });

  it('skips what another relay holds, and does not wait for it', async () => {
    await many(600);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reached = false;
    const slowQueue = {
      ...rig.queue,
      addSends: async (emails: Parameters<Rig['queue']['addSends']>[0]) => {
        reached = true;
        await held;
        await rig.queue.addSends(emails);
      },
    };
    const slow = relayBatch({ ...rig, queue: slowQueue });
    await expect.poll(() => reached).toBe(true);
    expect(await relayBatch(rig)).toBe(100);
    release();
    expect(await slow).toBe(500);
    expect(await jobCount()).toBe(600);
  });

  it('hands over again what was added but not committed, and the email has one job', async () => {
    await many(3);
    const crashing = {
      ...rig.queue,
      addSends: async (emails: Parameters<Rig['queue']['addSends']>[0]) => {
        await rig.queue.addSends(emails);
        throw new Error('killed before the commit');
      },
    };
    await expect(relayBatch({ ...rig, queue: crashing })).rejects.toThrow('killed before the commit');
    expect(await rig.outboxCount()).toBe(3);
    expect(await jobCount()).toBe(3);
    expect(await relayBatch(rig)).toBe(3);
    expect(await rig.outboxCount()).toBe(0);
    expect(await jobCount()).toBe(3);
  });

  it('keeps everything in the outbox while Redis takes no more, and moves it when it does', async () => {
    await many(3);
    await rig.taking.config('SET', 'maxmemory', '1');
    await expect(relayBatch(rig)).rejects.toThrow('OOM');
    expect(await rig.outboxCount()).toBe(3);
    await rig.taking.config('SET', 'maxmemory', '64mb');
    expect(await relayBatch(rig)).toBe(3);
  });
});

describe('the sweeper', () => {
  const sweep = (afterSeconds = 0, position?: SweepPosition) =>
    sweepBatch({ ...rig, afterSeconds }, position);

  it('brings back what a wiped Redis has lost, and it is sent', async () => {
    const [id = ''] = await many(1);
    await relayBatch(rig);
    await rig.taking.flushall();
    expect(await jobCount()).toBe(0);
    expect(await sweep()).toEqual({ restored: 1, position: undefined });
    rig.startRelay();
    rig.startWorker();
    await expect.poll(async () => (await rig.row(id)).status).toBe('sent');
    expect(await rig.rows()).toHaveLength(1);
    expect(sink.received.filter(({ messageId }) => messageId.includes(id))).toHaveLength(1);
  });

  it('leaves alone what has a job, what waits in the outbox, what is held, and what is young', async () => {
    const [inOutbox = '', held = '', young = ''] = await many(3);
    await relayBatch(rig);
    expect((await sweep()).restored).toBe(0);
    await rig.taking.flushall();
    await rig.change(held, { claimedAt: new Date() });
    expect((await sweep(3600)).restored).toBe(0);
    expect((await sweep()).restored).toBe(2);
    expect((await sweep()).restored).toBe(0);
    expect(await rig.outboxCount()).toBe(2);
    await rig.change(held, { claimedAt: new Date(Date.now() - (CLAIM_LEASE_SECONDS + 1) * 1000) });
    expect((await sweep()).restored).toBe(1);
    expect(new Set([inOutbox, held, young]).size).toBe(await rig.outboxCount());
  });

  it('brings back an email whose job ended while its row did not', async () => {
    const [id = ''] = await many(1);
    await relayBatch(rig);
    // As when a job runs out of attempts while Postgres is away.
    await rig.change(id, { status: 'delivered' });
    rig.startWorker();
    await expect.poll(() => rig.queue.bull.getJobState(id)).toBe('completed');
    await rig.change(id, { status: 'queued' });
    expect((await sweep()).restored).toBe(1);
    rig.startRelay();
    await expect.poll(async () => (await rig.row(id)).status).toBe('sent');
  });

  it('goes through a long queue batch by batch, and begins anew at its end', async () => {
    await many(1100);
    for (let left = 1100; left > 0; left -= 500) await relayBatch(rig);
    const first = await sweep();
    const second = await sweep(0, first.position);
    const third = await sweep(0, second.position);
    const ids = (await rig.rows()).map(({ id }) => id);
    expect([first.position, second.position, third.position]).toEqual([ids[499], ids[999], undefined]);
  });

  it('restores each lost email once when many sweep at the same time', async () => {
    await many(200);
    await relayBatch(rig);
    await rig.taking.flushall();
    const other = await rig.another();
    try {
      const sweeps = await Promise.all([
        sweep(),
        sweepBatch({ ...other, afterSeconds: 0 }, undefined),
        sweep(),
      ]);
      expect(sweeps.reduce((sum, { restored }) => sum + restored, 0)).toBe(200);
      expect(await rig.outboxCount()).toBe(200);
    } finally {
      await other.close();
    }
  });
});
