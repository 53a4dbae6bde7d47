import { startTestRedis } from '@sv-sdk/queue/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { environmentOf, runApi } from './testing/process.ts';

test('a bad environment lists every fault and ends with 1', async () => {
  const { exited, output } = runApi({ DATABASE_URL: 'mysql://x', BETTER_AUTH_SECRET: 'short' });
  expect(await exited).toBe(1);
  for (const name of ['DATABASE_URL', 'DB_PASSWORD', 'REDIS_URL', 'BETTER_AUTH_SECRET', 'BETTER_AUTH_URL']) {
    expect(output()).toContain(`${name}: `);
  }
  expect(output()).not.toMatch(/\n +at /);
});

test('serves without its cache, keeps metrics on their own port, drains on SIGTERM and ends with 0', async () => {
  const app = runApi(await environmentOf());
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
  const app = runApi(
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
  const app = runApi(
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
