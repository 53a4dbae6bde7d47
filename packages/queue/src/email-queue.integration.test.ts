import { randomUUID } from 'node:crypto';
import { primariesOf } from '@sv-sdk/redis';
import { createLogger } from '@sv-sdk/telemetry';
import { Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createProducerConnection,
  createWorkerConnection,
  type QueueConnection,
  untilConnected,
} from './connection.ts';
import { createEmailQueue, type EmailQueue, type EmailToSend } from './email-queue.ts';
import { createEmailWorker, DeferJob, type EmailWorker, GiveUpJob } from './email-worker.ts';
import { startTestRedis, startTestRedisCluster, type TestRedis } from './testing/index.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

const email = (overrides: Partial<EmailToSend> = {}): EmailToSend => ({
  emailSendId: randomUUID(),
  priority: 5,
  dueAt: new Date(),
  ...overrides,
});

/** What a cluster adds to these guarantees is in cluster.integration.test.ts. */
describe.each(['one server', 'a cluster'] as const)('the email queue on %s', (where) => {
  /** Commands about connections concern one server. */
  const itOnOneServer = where === 'one server' ? it : () => undefined;
  let redis: Pick<TestRedis, 'url' | 'stop'>;
  let server: TestRedis | undefined;
  let adding: QueueConnection;
  let taking: QueueConnection;
  let queue: EmailQueue;
  let worker: EmailWorker | undefined;

  beforeAll(async () => {
    if (where === 'one server') redis = server = await startTestRedis('queue');
    else redis = await startTestRedisCluster({ replicas: 0 });
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    taking = createWorkerConnection(redis.url, logger);
    await untilConnected(taking);
    await flush();
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

  const flush = () => Promise.all(primariesOf(taking).map((node) => node.flushall()));
  const work = (
    send: (payload: { emailSendId: string }) => Promise<void>,
    options: Partial<Parameters<typeof createEmailWorker>[0]> = {},
  ) => {
    worker = createEmailWorker({
      connection: taking,
      concurrency: 5,
      handlers: { send },
      logger,
      ...options,
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
    const keys = (await Promise.all(primariesOf(taking).map((node) => node.keys('*')))).flat();
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith('{emails}:'))).toEqual([]);
  });

  it('gives jobs by priority', async () => {
    const late = email({ priority: 9 });
    const urgent = email({ priority: 1 });
    await queue.addSends([late, urgent]);
    const taken: string[] = [];
    work(async ({ emailSendId }) => {
      taken.push(emailSendId);
    });
    await expect.poll(() => taken).toEqual([urgent.emailSendId, late.emailSendId]);
  });

  it('knows which jobs it will come back to: those that wait, are delayed and are worked on', async () => {
    const [waiting, delayed, active, done, given, unknown] = [
      email({ priority: 9 }),
      email({ priority: 1 }),
      email({ priority: 5 }),
      email({ priority: 1 }),
      email({ priority: 1 }),
      email(),
    ];
    let finish = () => {};
    const release = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await queue.addSends([waiting, delayed, active, done, given]);
    work(
      async ({ emailSendId }) => {
        if (emailSendId === delayed.emailSendId) throw new DeferJob('later', 60_000);
        if (emailSendId === given.emailSendId) throw new GiveUpJob('no');
        if (emailSendId !== done.emailSendId) await release;
      },
      { concurrency: 1 },
    );
    try {
      await expect.poll(() => state(active.emailSendId)).toBe('active');
      const ids = [waiting, delayed, active, done, given, unknown].map(({ emailSendId }) => emailSendId);
      expect([...(await queue.live(ids))].sort()).toEqual(ids.slice(0, 3).sort());
      await queue.forgetEnded(ids);
      expect(await Promise.all(ids.map(state))).toEqual([
        'prioritized',
        'delayed',
        'active',
        'unknown',
        'unknown',
        'unknown',
      ]);
    } finally {
      finish();
    }
  });

  it('takes a job anew whose remains stand in no list', async () => {
    const one = email();
    await queue.addSends([one]);
    await taking.zrem('{emails}:emails:prioritized', one.emailSendId);
    expect((await queue.live([one.emailSendId])).size).toBe(0);
    await queue.forgetEnded([one.emailSendId]);
    await queue.addSends([one]);
    expect(await state(one.emailSendId)).toBe('prioritized');
  });

  it('has a room for each priority, and less of it the more is delayed', async () => {
    expect([...(await queue.room([1, 9]))]).toEqual([
      [1, 10_000],
      [9, 10_000],
    ]);
    await queue.addSends([email({ priority: 1 }), email({ priority: 1 }), email({ priority: 9 })]);
    expect([...(await queue.room([1, 5, 9])).values()]).toEqual([9998, 10_000, 9999]);
    const delayed = Array.from({ length: 22_000 }, (_, index) => [index, String(index)]).flat();
    await taking.zadd('{emails}:emails:delayed', ...delayed);
    expect([...(await queue.room([1, 3, 5, 7, 9])).values()]).toEqual([9998, 10_000, 8000, 0, 0]);
  });

  itOnOneServer('fills half of the memory of redis-queue at the most, with every room full', async () => {
    const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await taking.info('memory'))?.[1]);
    const before = await usedBytes();
    for (let jobs = 0; jobs < 10_000; jobs += 500) {
      await queue.addSends(Array.from({ length: 500 }, () => email()));
    }
    const bytesPerJob = ((await usedBytes()) - before) / 10_000;
    // Five priorities that wait, and as many delayed as priority 1 is patient with; REDIS_QUEUE_MAXMEMORY is 256mb.
    expect(bytesPerJob * (5 * 10_000 + 50_000)).toBeLessThan(128 * 1024 ** 2);
  });

  it('counts its jobs by state', async () => {
    const [first, second] = [email({ priority: 1 }), email({ priority: 3 })];
    await queue.addSends([first, second]);
    work(async ({ emailSendId }) => {
      if (emailSendId === first.emailSendId) throw new DeferJob('later', 60_000);
    });
    await expect.poll(() => state(second.emailSendId)).toBe('completed');
    await queue.pause();
    await queue.addSends([email(), email()]);
    expect(await queue.counts()).toEqual({ waiting: 2, active: 0, delayed: 1, failed: 0, completed: 1 });
  });

  it('gives nothing while it is paused, and goes on when it is resumed', async () => {
    const [before, during] = [email(), email()];
    await queue.addSends([before]);
    await queue.pause();
    expect(await queue.isPaused()).toBe(true);
    const taken: string[] = [];
    work(async ({ emailSendId }) => {
      taken.push(emailSendId);
    });
    await queue.addSends([during]);
    // The worker has looked, found nothing to take and waits to be woken.
    await expect.poll(async () => String(await taking.call('CLIENT', 'LIST'))).toContain('cmd=bzpopmin');
    expect(taken).toEqual([]);
    await queue.resume();
    expect(await queue.isPaused()).toBe(false);
    await expect.poll(() => taken).toEqual([before.emailSendId, during.emailSendId]);
  });

  itOnOneServer('fails at once, and does not hang, while Redis is away', async () => {
    const nowhere = createProducerConnection('redis://127.0.0.1:1/0', logger);
    const cut = createEmailQueue(nowhere, logger);
    const startedMs = performance.now();
    await expect(cut.addSends([email()])).rejects.toThrow();
    await expect(cut.live([randomUUID()])).rejects.toThrow();
    await expect(cut.room([1])).rejects.toThrow();
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await cut.close();
    nowhere.disconnect();
  });

  itOnOneServer('heals when its connection was cut', async () => {
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

  it('counts the wait from the time when the email was due', async () => {
    const waits: number[] = [];
    await queue.addSends([email({ dueAt: new Date(Date.now() - 90_000) })]);
    work(async () => {}, { onFirstAttempt: (seconds) => waits.push(seconds) });
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

  itOnOneServer('gives back at its close what it has taken and not begun', async () => {
    const [first, second] = [email({ priority: 1 }), email({ priority: 9 })];
    const begun: string[] = [];
    let finish = () => {};
    const release = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await queue.addSends([first, second]);
    work(
      async ({ emailSendId }) => {
        begun.push(emailSendId);
        await release;
      },
      { concurrency: 1 },
    );
    await expect.poll(() => begun.length).toBe(1);
    // BullMQ ends a job and takes the next by one script. It is held up in the server while the worker is told to close.
    const admin = createWorkerConnection(redis.url, logger);
    await admin.call('CLIENT', 'PAUSE', '10000', 'WRITE');
    finish();
    await expect
      .poll(async () => String(await admin.call('CLIENT', 'LIST')))
      .toMatch(/flags=b [^\n]*cmd=eval/);
    const closing = worker?.close();
    await admin.call('CLIENT', 'UNPAUSE');
    await closing;
    admin.disconnect();
    expect(begun).toEqual([first.emailSendId]);
    expect(await state(first.emailSendId)).toBe('completed');
    const job = await queue.bull.getJob(second.emailSendId);
    expect([job?.attemptsStarted, job?.attemptsMade]).toEqual([1, 0]);
    work(async ({ emailSendId }) => {
      begun.push(emailSendId);
    });
    await expect.poll(() => begun).toEqual([first.emailSendId, second.emailSendId]);
  });

  it('has the jobs of a killed worker done by another, however often their workers are killed', async () => {
    const one = email();
    await queue.addSends([one]);
    // Takes the job and is not heard of again; its lock runs out.
    const killed = new Worker('emails', null, { connection: taking, prefix: '{emails}' });
    await killed.getNextJob('token');
    await killed.close();
    await taking.hset(`{emails}:emails:${one.emailSendId}`, 'stc', 50);
    await taking.del(`{emails}:emails:${one.emailSendId}:lock`);
    expect(await state(one.emailSendId)).toBe('active');
    work(async () => {});
    await expect.poll(() => state(one.emailSendId), { timeout: 20_000 }).toBe('completed');
  });

  itOnOneServer('goes on within seconds when Redis was killed under it, and every job is done', async () => {
    const emails = Array.from({ length: 300 }, () => email());
    const done = new Set<string>();
    let killed: Promise<void> | undefined;
    await queue.addSends(emails);
    work(async ({ emailSendId }) => {
      done.add(emailSendId);
      if (done.size === 100) killed = server?.kill();
    });
    await expect.poll(() => done.size).toBeGreaterThanOrEqual(100);
    await killed;
    await server?.start();
    await expect.poll(() => done.size, { timeout: 20_000 }).toBe(300);
    await expect
      .poll(() => queue.counts().catch(() => undefined), { timeout: 40_000 })
      .toMatchObject({ waiting: 0, active: 0, delayed: 0 });
  });

  // BullMQ waits for the end of a connection, which ioredis would never come to (patches/, redis/ioredis#2169).
  itOnOneServer('closes at once while Redis is away', async () => {
    const one = email();
    await queue.addSends([one]);
    work(async () => {});
    await expect.poll(() => state(one.emailSendId)).toBe('completed');
    await server?.kill();
    try {
      // Every connection of the worker was lost by the same kill, and waits to try again.
      await expect.poll(() => taking.status).toBe('reconnecting');
      const startedMs = performance.now();
      await worker?.close();
      expect(performance.now() - startedMs).toBeLessThan(5_000);
    } finally {
      await server?.start();
    }
  });

  itOnOneServer('goes on when its connections were cut and when the queue was wiped under it', async () => {
    const done = new Set<string>();
    work(async ({ emailSendId }) => {
      done.add(emailSendId);
      if (done.size === 50)
        await taking.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined);
      if (done.size === 100) await flush();
    });
    await queue.addSends(Array.from({ length: 200 }, () => email()));
    await expect.poll(() => done.size, { timeout: 20_000 }).toBeGreaterThanOrEqual(100);
    const later = email();
    await expect
      .poll(() =>
        queue.addSends([later]).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await expect.poll(() => [...done], { timeout: 20_000 }).toContain(later.emailSendId);
  });
});
