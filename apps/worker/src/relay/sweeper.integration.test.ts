import { emailOutbox } from '@sv-sdk/db';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { relayBatch } from './relay.ts';
import { type Sweep, startSweeper, sweepBatch } from './sweeper.ts';
import { createOutboxRig, logger, type OutboxRig } from './testing/outbox-rig.ts';

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

const AFTER_SECONDS = 60;
const LONG_AGO = 61;
const sweep = (one = rig) => sweepBatch({ ...one, afterSeconds: AFTER_SECONDS });
/** Emails that the queue was given long ago and does have. */
const fillQueue = async (emails: number) => {
  const ids = await rig.fill({ emails, relayedSecondsAgo: LONG_AGO });
  await rig.queue.addSends(ids.map((emailSendId) => ({ emailSendId, priority: 5, dueAt: new Date() })));
  return ids;
};

describe('the sweeper', () => {
  it('brings back what a wiped Redis has lost, and the relay gives it a job again', async () => {
    const [id = ''] = await fillQueue(1);
    await rig.taking.flushall();
    expect(await sweep()).toEqual({ confirmed: 0, restored: 1, removed: 0 });
    expect(await rig.outboxRow(id)).toMatchObject({ relayedAt: null, mayHaveJob: true });
    expect(await relayBatch(rig)).toBe(1);
    expect((await rig.queue.live([id])).size).toBe(1);
    expect(await sweep()).toEqual({ confirmed: 0, restored: 0, removed: 0 });
  });

  it('leaves alone what has a job, what waits for the relay, what is young and what is not due', async () => {
    await fillQueue(1);
    await rig.fill({ emails: 1 });
    await rig.fill({ emails: 1, relayedSecondsAgo: AFTER_SECONDS - 10 });
    await rig.fill({ emails: 1, dueInSeconds: 3600 });
    expect(await sweep()).toEqual({ confirmed: 1, restored: 0, removed: 0 });
    // And is not looked for again before as long has passed.
    expect(await sweep()).toEqual({ confirmed: 0, restored: 0, removed: 0 });
    expect(await rig.waitingCount()).toBe(2);
  });

  it('brings back an email whose job ended while it did not, and its old job is forgotten', async () => {
    const [id = ''] = await fillQueue(1);
    await rig.failJob(id);
    expect(await sweep()).toEqual({ confirmed: 0, restored: 1, removed: 0 });
    expect(await relayBatch(rig)).toBe(1);
    expect(await rig.queue.bull.getJobState(id)).toBe('prioritized');
  });

  it('takes out what has ended and was left in the outbox', async () => {
    const [sent = '', cancelled = ''] = await rig.fill({ emails: 3, relayedSecondsAgo: LONG_AGO });
    await rig.setStatus(sent, 'sent');
    await rig.setStatus(cancelled, 'cancelled');
    expect(await sweep()).toEqual({ confirmed: 0, restored: 1, removed: 2 });
    expect(await rig.outboxRow(sent)).toBeUndefined();
  });

  it('does nothing to an email that ended or was put back while Redis was asked', async () => {
    const [ended = '', putBack = '', lost = ''] = await rig.fill({ emails: 3, relayedSecondsAgo: LONG_AGO });
    const live = async (ids: readonly string[]) => {
      const answer = await rig.queue.live(ids);
      await rig.setStatus(ended, 'sent');
      await rig.db.write().delete(emailOutbox).where(eq(emailOutbox.emailSendId, ended));
      await rig.change(putBack, { relayedAt: new Date() });
      return answer;
    };
    const racing = { ...rig, queue: { ...rig.queue, live }, afterSeconds: AFTER_SECONDS };
    expect(await sweepBatch(racing)).toEqual({ confirmed: 0, restored: 1, removed: 0 });
    expect(await rig.outboxRow(lost)).toMatchObject({ relayedAt: null });
    expect((await rig.outboxRow(putBack))?.relayedAt).not.toBeNull();
    expect(await rig.outboxRow(ended)).toBeUndefined();
  });

  it('restores each lost email once when many sweep at the same time', async () => {
    await rig.fill({ emails: 400, relayedSecondsAgo: LONG_AGO });
    const other = await rig.another();
    try {
      const sweeps = await Promise.all([sweep(), sweep(other), sweep(), sweep(other)]);
      const total = (of: keyof Sweep) => sweeps.reduce((sum, one) => sum + one[of], 0);
      expect([total('restored'), total('confirmed'), total('removed')]).toEqual([400, 0, 0]);
      expect(await rig.waitingCount()).toBe(400);
    } finally {
      await other.close();
    }
  });

  it('comes to what is lost behind a thousand emails that are not', async () => {
    await fillQueue(1200);
    const [lost = ''] = await rig.fill({ emails: 1, relayedSecondsAgo: LONG_AGO - 1 });
    const sweeper = startSweeper({ ...rig, afterSeconds: AFTER_SECONDS, logger });
    await expect.poll(async () => (await rig.outboxRow(lost))?.relayedAt).toBeNull();
    await sweeper.stop();
    expect(await sweep()).toEqual({ confirmed: 0, restored: 0, removed: 0 });
  });
});
