import { randomUUID } from 'node:crypto';
import { createLogger } from '@sv-sdk/telemetry';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createProducerConnection,
  createWorkerConnection,
  type QueueConnection,
  untilConnected,
} from './connection.ts';
import { createEmailQueue, type EmailQueue, type EmailToSend } from './email-queue.ts';
import { createEmailWorker, DeferJob, type EmailWorker, GiveUpJob } from './email-worker.ts';
import { startTestRedis, type TestRedis } from './testing/redis.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

const email = (overrides: Partial<EmailToSend> = {}): EmailToSend => ({
  emailSendId: randomUUID(),
  priority: 5,
  acceptedAt: new Date(),
  sendAt: null,
  ...overrides,
});

describe('the email queue', () => {
  let redis: TestRedis;
  let adding: QueueConnection;
  let taking: QueueConnection;
  let queue: EmailQueue;
  let worker: EmailWorker | undefined;

  beforeAll(async () => {
    redis = await startTestRedis('queue');
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    taking = createWorkerConnection(redis.url, logger);
    await taking.flushall();
    adding = createProducerConnection(redis.url, logger);
    await untilConnected(adding);
    queue = createEmailQueue(adding, logger);
  });
  afterEach(async () => {
    await worker?.close();
    worker = undefined;
    await queue.close();
    adding.disconnect();
    taking.disconnect();
  });

  const work = (
    send: (payload: { emailSendId: string }) => Promise<void>,
    onFirstAttempt?: (s: number) => void,
  ) => {
    worker = createEmailWorker({
      connection: taking,
      concurrency: 5,
      handlers: { send },
      logger,
      ...(onFirstAttempt && { onFirstAttempt }),
    });
  };
  const state = (id: string) => queue.bull.getJobState(id);

  it('has one job for an email, however often it is added', async () => {
    const one = email();
    await queue.addSends([one, email()]);
    await queue.addSends([one]);
    expect(await queue.bull.getJobCountByTypes('prioritized')).toBe(2);
  });

  it('keeps all its keys in one slot of a cluster', async () => {
    await queue.addSends([email()]);
    const keys = await taking.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith('{emails}:'))).toEqual([]);
  });

  it('gives jobs by priority, and none before its time', async () => {
    const late = email({ priority: 9 });
    const urgent = email({ priority: 1 });
    const tomorrow = email({ priority: 1, sendAt: new Date(Date.now() + 86_400_000) });
    await queue.addSends([late, tomorrow, urgent]);
    const taken: string[] = [];
    work(async ({ emailSendId }) => {
      taken.push(emailSendId);
    });
    await expect.poll(() => taken).toEqual([urgent.emailSendId, late.emailSendId]);
    expect(await state(tomorrow.emailSendId)).toBe('delayed');
  });

  it('knows which jobs are live, finished and absent, and forgets a finished one', async () => {
    const [waiting, done, unknown] = [email(), email(), email()];
    await queue.addSends([done]);
    work(async () => {});
    await expect.poll(() => state(done.emailSendId)).toBe('completed');
    await worker?.close();
    worker = undefined;
    await queue.addSends([waiting]);
    const ids = [waiting, done, unknown].map(({ emailSendId }) => emailSendId);
    expect([...(await queue.presence(ids)).values()]).toEqual(['live', 'finished', 'absent']);
    await queue.forget(done.emailSendId);
    expect([...(await queue.presence(ids)).values()]).toEqual(['live', 'absent', 'absent']);
  });

  it('fails at once, and does not hang, while Redis is away', async () => {
    const nowhere = createProducerConnection('redis://127.0.0.1:1/0', logger);
    const cut = createEmailQueue(nowhere, logger);
    const startedMs = performance.now();
    await expect(cut.addSends([email()])).rejects.toThrow();
    await expect(cut.presence([randomUUID()])).rejects.toThrow();
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await cut.close();
    nowhere.disconnect();
  });

  it('heals when its connection was cut', async () => {
    await queue.addSends([email()]);
    await taking.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect
      .poll(() =>
        queue.addSends([email()]).then(
          () => 'added',
          () => 'cut',
        ),
      )
      .toBe('added');
  });

  it('tries three times, and a deferral costs no try', async () => {
    const [failing, deferred] = [email(), email()];
    const tries = new Map<string, number>();
    await queue.addSends([failing, deferred]);
    work(async ({ emailSendId }) => {
      const count = (tries.get(emailSendId) ?? 0) + 1;
      tries.set(emailSendId, count);
      if (emailSendId === failing.emailSendId) throw new Error('not today');
      if (count <= 5) throw new DeferJob('later', 20);
    });
    await expect.poll(() => state(deferred.emailSendId)).toBe('completed');
    expect(tries.get(deferred.emailSendId)).toBe(6);
    await expect.poll(() => state(failing.emailSendId)).toBe('failed');
    expect(tries.get(failing.emailSendId)).toBe(3);
  });

  it('never tries again what was given up, or what is not in the catalogue', async () => {
    const hopeless = email();
    let tries = 0;
    await queue.addSends([hopeless]);
    await queue.bull.add('send', { emailSendId: 'no uuid' }, { jobId: 'malformed' });
    // @ts-expect-error there is no such job
    await queue.bull.add('sned', { emailSendId: randomUUID() }, { jobId: 'unknown' });
    work(async () => {
      tries += 1;
      throw new GiveUpJob('no such address');
    });
    for (const id of [hopeless.emailSendId, 'malformed', 'unknown']) {
      await expect.poll(() => state(id)).toBe('failed');
    }
    expect(tries).toBe(1);
    expect((await queue.bull.getJob(hopeless.emailSendId))?.failedReason).toBe('no such address');
  });

  it('refuses to start without a handler for every job', () => {
    const start = () =>
      // @ts-expect-error the handler is missing
      createEmailWorker({ connection: taking, concurrency: 1, handlers: {}, logger });
    expect(start).toThrow('the job "send" has no handler');
  });

  it('counts the wait from the acceptance of the email', async () => {
    const waits: number[] = [];
    await queue.addSends([email({ acceptedAt: new Date(Date.now() - 90_000) })]);
    work(
      async () => {},
      (seconds) => waits.push(seconds),
    );
    await expect.poll(() => waits.length).toBe(1);
    expect(waits[0]).toBeGreaterThan(89);
    expect(waits[0]).toBeLessThan(95);
  });

  it('waits at its close for the job that it holds, and takes no other', async () => {
    const [held, next] = [email({ priority: 1 }), email({ priority: 9 })];
    const taken: string[] = [];
    let finish = () => {};
    const release = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await queue.addSends([held]);
    work(async ({ emailSendId }) => {
      taken.push(emailSendId);
      await release;
    });
    await expect.poll(() => taken.length).toBe(1);
    let closed = false;
    const closing = worker?.close().then(() => {
      closed = true;
    });
    // A job that comes in just before BullMQ has let go of its blocking connection is still taken (and finished).
    await expect.poll(async () => String(await taking.call('CLIENT', 'LIST'))).not.toContain('cmd=bzpopmin');
    await queue.addSends([next]);
    expect(closed).toBe(false);
    finish();
    await closing;
    expect(taken).toEqual([held.emailSendId]);
    expect(await state(held.emailSendId)).toBe('completed');
    expect(await state(next.emailSendId)).toBe('prioritized');
  });
});
