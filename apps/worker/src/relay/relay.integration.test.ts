import { WAITING_ROOM_JOBS } from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RelayOptions, relayBatch } from './relay.ts';
import { createOutboxRig, type OutboxRig } from './testing/outbox-rig.ts';

let redis: TestRedis;
let rig: OutboxRig;
beforeAll(async () => {
  redis = await startTestRedis('queue');
});
afterAll(() => redis.stop());
beforeEach(async () => {
  rig = await createOutboxRig(redis.url);
});
afterEach(() => rig.close());

/** A queue that does something else around the adding of jobs. */
const around = (addSends: RelayOptions['queue']['addSends']): RelayOptions => ({
  ...rig,
  queue: { ...rig.queue, addSends },
});
const state = (id: string) => rig.queue.bull.getJobState(id);

describe('the relay', () => {
  it('moves every email once, however many relays there are', async () => {
    const others = await Promise.all([rig.another(), rig.another()]);
    try {
      await rig.fill({ emails: 1300 });
      const moved = await Promise.all([rig, ...others, rig, ...others].map((one) => relayBatch(one)));
      while ((await rig.waitingCount()) > 0) moved.push(await relayBatch(rig));
      expect(moved.reduce((sum, count) => sum + count, 0)).toBe(1300);
      expect(await rig.jobCount()).toBe(1300);
    } finally {
      for (const one of others) await one.close();
    }
  });

  it('skips what another relay holds, and does not wait for it', async () => {
    await rig.fill({ emails: 600 });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reached = false;
    const slow = relayBatch(
      around(async (emails) => {
        reached = true;
        await held;
        await rig.queue.addSends(emails);
      }),
    );
    try {
      await expect.poll(() => reached).toBe(true);
      expect(await relayBatch(rig)).toBe(100);
    } finally {
      release();
    }
    expect(await slow).toBe(500);
    expect(await rig.jobCount()).toBe(600);
  });

  it('hands over again what was added but not committed, and the email has one job', async () => {
    await rig.fill({ emails: 3 });
    const crashing = around(async (emails) => {
      await rig.queue.addSends(emails);
      throw new Error('killed before the commit');
    });
    await expect(relayBatch(crashing)).rejects.toThrow('killed before the commit');
    expect(await rig.waitingCount()).toBe(3);
    expect(await rig.jobCount()).toBe(3);
    expect(await relayBatch(rig)).toBe(3);
    expect(await rig.waitingCount()).toBe(0);
    expect(await rig.jobCount()).toBe(3);
  });

  it('leaves everything in the outbox while Redis takes no more, and moves it when it does', async () => {
    await rig.fill({ emails: 3 });
    await rig.taking.config('SET', 'maxmemory', '1');
    await expect(relayBatch(rig)).rejects.toThrow('OOM');
    expect(await rig.waitingCount()).toBe(3);
    await rig.taking.config('SET', 'maxmemory', '64mb');
    expect(await relayBatch(rig)).toBe(3);
  });

  it('leaves an email that is not due where it is, and takes it when it is', async () => {
    const [later = ''] = await rig.fill({ emails: 1, dueInSeconds: 3600 });
    const [soon = ''] = await rig.fill({ emails: 1, dueInSeconds: 1 });
    expect(await relayBatch(rig)).toBe(0);
    await expect.poll(() => relayBatch(rig)).toBe(1);
    expect(await state(soon)).toBe('prioritized');
    expect(await state(later)).toBe('unknown');
  });

  it('takes an email of priority 1 in its next turn, though 100,000 of priority 9 have waited for longer', async () => {
    await rig.fill({ emails: 100_000, priority: 9, dueInSeconds: -600 });
    expect(await relayBatch(rig)).toBe(500);
    const [urgent = ''] = await rig.fill({ emails: 1, priority: 1 });
    expect(await relayBatch(rig)).toBe(500);
    expect(await state(urgent)).toBe('prioritized');
    // And it is the first that a worker is given.
    expect((await rig.queue.bull.getJobs('prioritized', 0, 0, true))[0]?.id).toBe(urgent);
  });

  it('fills the room of a priority and no more, which keeps the others’ free and Redis small', async () => {
    await rig.fill({ emails: WAITING_ROOM_JOBS + 1000, priority: 9 });
    let moved = 0;
    for (let turn = 0; turn < 30; turn += 1) moved += await relayBatch(rig);
    expect(moved).toBe(WAITING_ROOM_JOBS);
    expect(await relayBatch(rig)).toBe(0);
    await rig.fill({ emails: 2, priority: 7 });
    expect(await relayBatch(rig)).toBe(2);
    // As much as was taken out is put in.
    const taken = await rig.taking.zpopmax('{emails}:emails:prioritized', 100);
    expect(taken.length).toBe(200);
    expect(await relayBatch(rig)).toBe(100);
  });

  it('gives a replayed email a new job, though the old one is kept as failed', async () => {
    const [id = ''] = await rig.fill({ emails: 1 });
    await relayBatch(rig);
    await rig.failJob(id);
    await rig.change(id, { relayedAt: null, mayHaveJob: true });
    expect(await relayBatch(rig)).toBe(1);
    expect(await state(id)).toBe('prioritized');
  });
});
