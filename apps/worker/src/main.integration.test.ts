import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRig, type Rig } from './testing/rig.ts';
import { type SmtpSink, startSmtpSink } from './testing/smtp-sink.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** A real worker process. */
interface Worker {
  readonly operationsPort: number;
  readonly process: ChildProcess;
  readonly output: Promise<string>;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
}

describe('the worker process', () => {
  let redis: TestRedis;
  let cache: TestRedis;
  let sink: SmtpSink;
  let rig: Rig;
  let workers: Worker[];
  let nextPort = 20_000 + (process.pid % 20_000);

  beforeAll(async () => {
    [redis, cache] = await Promise.all([startTestRedis('queue'), startTestRedis('cache')]);
  });
  afterAll(() => Promise.all([redis.stop(), cache.stop()]));
  beforeEach(async () => {
    workers = [];
    sink = await startSmtpSink();
    rig = await createRig({ redisUrl: redis.url, smtpUrl: sink.url });
  });
  afterEach(async () => {
    for (const { process: worker, exited } of workers) {
      worker.kill('SIGKILL');
      await exited;
    }
    await rig.close();
    await sink.close();
  });

  const start = (environment: NodeJS.ProcessEnv = {}): Worker => {
    const operationsPort = nextPort++;
    const database = new URL(rig.server.pooledUrl);
    const password = database.password;
    database.password = '';
    const queue = new URL(redis.url);
    queue.password = '';
    const cacheServer = new URL(cache.url);
    cacheServer.password = '';
    const child = spawn(process.execPath, [MAIN], {
      env: {
        DATABASE_URL: database.href,
        DB_PASSWORD: password,
        REDIS_QUEUE_URL: queue.href,
        REDIS_QUEUE_PASSWORD: redis.password,
        REDIS_URL: cacheServer.href,
        REDIS_PASSWORD: cache.password,
        SMTP_URL: sink.url,
        ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
        BETTER_AUTH_URL: 'https://sv.example',
        EMAIL_FROM: 'SV-SDK <noreply@sv.example>',
        OPERATIONS_PORT: String(operationsPort),
        SHUTDOWN_DEADLINE_SECONDS: '10',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const worker: Worker = {
      operationsPort,
      process: child,
      output: Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join('')),
      exited: once(child, 'exit').then(([code]) => code),
    };
    workers.push(worker);
    return worker;
  };
  const ask = async (worker: Worker, path: string) => {
    try {
      const response = await fetch(`http://127.0.0.1:${worker.operationsPort}${path}`);
      return { status: response.status, body: await response.text() };
    } catch {
      return { status: 0, body: '' };
    }
  };
  const untilReady = (worker: Worker) =>
    expect.poll(async () => (await ask(worker, '/health/ready')).status).toBe(200);
  /** Holds every message at the server until the returned function is called. */
  const holdMessages = () => {
    let release = () => {};
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    let arrived = 0;
    sink.onMessage = () => {
      arrived += 1;
      return held;
    };
    return { release, arrived: () => arrived };
  };

  it('refuses a queue that evicts: exit 1, with the server, what it has, what is expected and why', async () => {
    const [id = ''] = await rig.enqueue({});
    const server = new URL(cache.url);
    server.password = '';
    const worker = start({ REDIS_QUEUE_URL: server.href, REDIS_QUEUE_PASSWORD: cache.password });
    expect(await worker.exited).toBe(1);
    const output = await worker.output;
    expect(output).toContain(
      `${server.host}, has maxmemory-policy \\"allkeys-lru\\"; \\"noeviction\\" is expected`,
    );
    expect(output).toContain('jobs with them');
    expect(output).not.toContain(cache.password);
    expect(await rig.row(id)).toMatchObject({ status: 'queued', attempts: 0 });
    expect(await rig.outboxCount()).toBe(1);
  });

  it('lists every fault of its settings and exits with 1', async () => {
    const worker = start({ SMTP_URL: '', EMAIL_CONCURRENCY: 'many', DATABASE_URL: 'mysql://x' });
    expect(await worker.exited).toBe(1);
    const output = await worker.output;
    for (const name of ['SMTP_URL', 'EMAIL_CONCURRENCY', 'DATABASE_URL']) expect(output).toContain(name);
  });

  it('sends what was accepted, and shows it in its metrics', async () => {
    const [id = ''] = await rig.enqueue({});
    const worker = start();
    await untilReady(worker);
    await expect.poll(async () => (await rig.row(id)).status).toBe('sent');
    expect((await ask(worker, '/health/live')).status).toBe(200);
    await expect
      .poll(async () => (await ask(worker, '/metrics')).body)
      .toContain('sv_email_sends_total{provider="smtp",result="sent"} 1');
    const { body } = await ask(worker, '/metrics');
    expect(body).toContain('sv_outbox_relayed_total 1');
    expect(body).toContain('sv_queue_wait_seconds_count 1');
    expect(body).toContain('sv_queue_processing_seconds_count 1');
    await expect
      .poll(async () => (await ask(worker, '/metrics')).body)
      .toContain('\nsv_outbox_oldest_seconds 0\n');
    expect(body).toContain('sv_build_info{service="worker",version="dev"} 1');
    worker.process.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(await worker.output).not.toMatch(/"level":"(warn|error|fatal)"/);
  });

  it('writes no address, secret or content of an email, whatever the mail server says, with every level on', async () => {
    const recipient = 'planted.address@example.org';
    const apiKey = `sv_${randomBytes(32).toString('base64url')}`;
    sink.onMessage = () => ({ code: 451, reason: `<${recipient}> is over its quota, key ${apiKey}` });
    const variables = { name: 'Planted Name', title: 'planted title', message: 'planted message' };
    const [id = ''] = await rig.enqueue({ to: recipient, variables });
    const worker = start({ LOG_LEVEL: 'trace' });
    await expect.poll(async () => (await rig.row(id)).attempts).toBeGreaterThan(0);
    await expect.poll(async () => (await rig.attempts(id)).length).toBeGreaterThan(0);
    worker.process.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    const output = await worker.output;
    expect(output).toContain('is over its quota');
    const planted = [recipient, apiKey, ...Object.values(variables), redis.password, cache.password];
    expect(planted.filter((text) => output.includes(text))).toEqual([]);
  });

  it('is not ready while the queue evicts, and ready again when it does not', async () => {
    const worker = start();
    await untilReady(worker);
    await rig.taking.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect.poll(async () => (await ask(worker, '/health/ready')).status).toBe(503);
    expect((await ask(worker, '/health/live')).status).toBe(200);
    await rig.taking.config('SET', 'maxmemory-policy', 'noeviction');
    await untilReady(worker);
  });

  it('finishes what it holds when it is told to stop, takes no more, and exits with 0', async () => {
    const ids = await rig.enqueue({}, {}, {});
    const { release, arrived } = holdMessages();
    const worker = start({ EMAIL_CONCURRENCY: '2' });
    await expect.poll(arrived).toBe(2);
    worker.process.kill('SIGTERM');
    await expect
      .poll(async () => String(await rig.taking.call('CLIENT', 'LIST')))
      .not.toContain('cmd=bzpopmin');
    release();
    expect(await worker.exited).toBe(0);
    const rows = await rig.rows();
    expect(rows.map(({ status }) => status).sort()).toEqual(['queued', 'sent', 'sent']);
    expect(rows.every(({ claimedAt }) => claimedAt === null)).toBe(true);
    expect(sink.received).toHaveLength(2);

    const next = start();
    await expect
      .poll(async () => (await rig.rows()).map(({ status }) => status))
      .toEqual(ids.map(() => 'sent'));
    expect(sink.received).toHaveLength(3);
    next.process.kill('SIGTERM');
    expect(await next.exited).toBe(0);
  });

  it('does not stay for a server that never answers: what that has is marked uncertain, and goes to another worker', async () => {
    const [id = ''] = await rig.enqueue({});
    const { release, arrived } = holdMessages();
    const worker = start({ SHUTDOWN_DEADLINE_SECONDS: '4' });
    await expect.poll(arrived).toBe(1);
    const toldMs = performance.now();
    worker.process.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(performance.now() - toldMs).toBeLessThan(4000);
    expect(await rig.row(id)).toMatchObject({
      status: 'queued',
      claimedAt: null,
      uncertainAt: expect.any(Date),
    });
    release();

    start();
    await expect.poll(async () => (await rig.row(id)).status).toBe('sent');
    expect((await rig.attempts(id)).map(({ outcome }) => outcome)).toEqual(['uncertain', 'sent']);
  });
});
