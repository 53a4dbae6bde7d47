import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@sv-sdk/db/testing';
import { startTestRedis } from '@sv-sdk/queue/testing';
import { expect, onTestFinished, test, vi } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output(): string;
  /** The fields of the line with this message, once it is there. */
  logged(message: string): Promise<Record<string, unknown>>;
}

function run(environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const logged = (message: string) =>
    vi.waitFor(
      () => {
        const line = output.split('\n').find((text) => text.includes(`"msg":"${message}"`));
        if (line === undefined) throw new Error(`"${message}" is not in the log:\n${output}`);
        return JSON.parse(line) as Record<string, unknown>;
      },
      { timeout: 15_000, interval: 50 },
    );
  return { child, exited, output: () => output, logged };
}

/** 0 is no port that a person may set; so ask for one, and give it back. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' ? address?.port : address);
}

async function environmentOf(overrides: Record<string, string> = {}): Promise<Record<string, string>> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const url = new URL(database.pooledUrl);
  const password = url.password;
  url.password = '';
  return {
    DATABASE_URL: url.href,
    DB_PASSWORD: password,
    REDIS_URL: 'redis://127.0.0.1:1',
    REDIS_QUEUE_URL: 'redis://127.0.0.1:1',
    BETTER_AUTH_SECRET: '0123456789abcdef'.repeat(4),
    ENCRYPTION_KEY: 'fedcba9876543210'.repeat(4),
    BETTER_AUTH_URL: 'http://localhost:3000',
    HTTP_LISTEN_PORT: await freePort(),
    OPERATIONS_PORT: await freePort(),
    DRAIN_SECONDS: '1',
    ...overrides,
  };
}

test('a bad environment lists every fault and ends with 1', async () => {
  const { exited, output } = run({ DATABASE_URL: 'mysql://x', BETTER_AUTH_SECRET: 'short' });
  expect(await exited).toBe(1);
  for (const name of ['DATABASE_URL', 'DB_PASSWORD', 'REDIS_URL', 'BETTER_AUTH_SECRET', 'BETTER_AUTH_URL']) {
    expect(output()).toContain(`${name}: `);
  }
  expect(output()).not.toMatch(/\n +at /);
});

test('serves without its cache, keeps metrics on their own port, drains on SIGTERM and ends with 0', async () => {
  const app = run(await environmentOf());
  const { port, operationsPort } = await app.logged('listening');
  const api = `http://127.0.0.1:${port}`;
  const ready = () => fetch(`${api}/health/ready`);
  await vi.waitFor(async () => expect((await ready()).status).toBe(200), { timeout: 10_000 });
  expect(await (await ready()).json()).toMatchObject({
    services: expect.arrayContaining([
      { name: 'database', ready: true },
      { name: 'cache', ready: false },
    ]),
  });
  expect((await fetch(`${api}/metrics`)).status).toBe(404);
  const metrics = await (await fetch(`http://127.0.0.1:${operationsPort}/metrics`)).text();
  for (const name of [
    'sv_http_requests_total',
    'sv_db_pool_connections',
    'sv_cache_requests_total',
    'sv_build_info',
  ]) {
    expect(metrics).toContain(`# TYPE ${name} `);
  }

  const signalled = performance.now();
  app.child.kill('SIGTERM');
  await vi.waitFor(async () => expect((await ready()).status).toBe(503), { interval: 10 });
  expect(await app.exited).toBe(0);
  expect(performance.now() - signalled).toBeGreaterThan(1000);
  expect(app.output()).toContain('"msg":"stopped"');
});

test('is not ready without the primary, and live all the same', async () => {
  const app = run(
    await environmentOf({ DATABASE_URL: 'postgres://sv_app@127.0.0.1:1/sv', DRAIN_SECONDS: '0' }),
  );
  const { port } = await app.logged('listening');
  const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
  expect(ready.status).toBe(503);
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/health/startup`)).status).toBe(503);
  app.child.kill('SIGTERM');
  expect(await app.exited).toBe(0);
});

test('the cache is found by its password', async () => {
  const redis = await startTestRedis('cache');
  onTestFinished(() => redis.stop());
  const url = new URL(redis.url);
  url.password = '';
  const app = run(
    await environmentOf({ REDIS_URL: url.href, REDIS_PASSWORD: redis.password, DRAIN_SECONDS: '0' }),
  );
  const { port } = await app.logged('listening');
  await vi.waitFor(
    async () => {
      const { services } = (await (await fetch(`http://127.0.0.1:${port}/health/ready`)).json()) as {
        services: unknown[];
      };
      expect(services).toContainEqual({ name: 'cache', ready: true });
    },
    { timeout: 10_000 },
  );
  app.child.kill('SIGTERM');
  expect(await app.exited).toBe(0);
});
