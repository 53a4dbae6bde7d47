import { expect, test } from 'vitest';
import { startTestApi } from '../testing/api.ts';

const TOO_MUCH = {
  success: false,
  error: { code: 'SERVICE_UNAVAILABLE', message: expect.stringContaining('Too much is asked') },
};

test('with too many waiting for the database, requests are turned away in the envelope, and health is not', async () => {
  const api = await startTestApi({
    overload: { poolWaiting: 0 },
    checks: [{ name: 'database', required: true, probe: async () => true }],
  });
  await expect.poll(() => api.readiness.hasStarted()).toBe(true);
  for (const [method, path] of [
    ['GET', '/api/v1/users'],
    ['POST', '/api/v1/emails'],
    ['GET', '/api/v1/nothing'],
  ] as const) {
    const answer = await api.call(method, path, method === 'POST' ? { body: {} } : {});
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject(TOO_MUCH);
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  for (const path of ['/health/live', '/health/ready', '/health/startup']) {
    expect((await api.call('GET', path)).status, path).toBe(200);
  }
  expect(await api.registry.metrics()).toContain('sv_http_requests_shed_total{reason="database_pool"} 3');
  // It is our choice, and there may be thousands a second: a line each, and no stack.
  const lines = api.log.filter(({ status }) => status === 503);
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).not.toHaveProperty('err');
});

test('those who wait for a connection are counted, and what comes above the limit is turned away at once', async () => {
  const api = await startTestApi({ overload: { poolWaiting: 1 } });
  const { token } = await api.addCaller('admin');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  // All five connections of the pool, and one who waits for a sixth.
  const holders = Array.from({ length: 6 }, () => api.db.withTx(() => held));
  await expect.poll(() => api.db.waitingForPrimary()).toBe(1);
  expect((await api.call('GET', '/api/v1/users', { token })).body).toMatchObject(TOO_MUCH);
  release();
  await Promise.all(holders);
  expect((await api.call('GET', '/api/v1/users', { token })).status).toBe(200);
});

test('while the event loop is late requests are turned away, and when it is in time again they are served', async () => {
  const api = await startTestApi({ overload: { eventLoopDelayMs: 1500 } });
  const { token } = await api.addCaller('admin');
  const blockedUntil = performance.now() + 2500;
  while (performance.now() < blockedUntil) JSON.stringify(blockedUntil);
  await expect
    .poll(async () => (await api.call('GET', '/api/v1/users', { token })).status, { interval: 5 })
    .toBe(503);
  await expect.poll(async () => (await api.call('GET', '/api/v1/users', { token })).status).toBe(200);
});
