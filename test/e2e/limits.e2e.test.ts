import { beforeAll, expect, test } from 'vitest';
import { call } from './client.ts';
import { runInApp, startAgain } from './containers.ts';
import type { Flood } from './flood.ts';
import { containersOf, environment, secret, shellOrThrow, startStack } from './stack.ts';

beforeAll(startStack);

const signInLimit = Number(environment['RATE_LIMIT_SIGN_IN_PER_MINUTE']);
/** Refused by its form, after it was counted: no password is checked, so that all of it fits into one window. */
const flood: Flood = { method: 'POST', path: '/api/v1/auth/login', count: signInLimit + 30 };

test('a client that forges its address gets no further than its limit, over all instances together', async () => {
  const counts = await runInApp('flood.ts', { flood }, { instance: 1 });
  expect(counts).toEqual({ 400: signInLimit, 429: 30 });
});

test('without Redis the limit holds per instance, nothing fails, and it is shared again afterwards', async () => {
  const instances = (await containersOf('app')).length;
  const [redis] = await containersOf('redis');
  await shellOrThrow(`docker stop --time 1 ${redis}`);
  try {
    const more = { ...flood, count: signInLimit * instances + 30 };
    const counts = await runInApp<Record<string, number>>('flood.ts', { flood: more }, { instance: 2 });
    console.info(
      `without Redis, ${instances} instances and a limit of ${signInLimit}: ${JSON.stringify(counts)}`,
    );
    expect(Object.keys(counts).toSorted()).toEqual(['400', '429']);
    expect(counts['400']).toBeGreaterThanOrEqual(signInLimit);
    expect(counts['400']).toBeLessThanOrEqual(signInLimit * instances);
  } finally {
    await startAgain(redis as string);
  }
});

test('the load tests’ key has a limit of its own, far above that of others', async () => {
  const answer = await call('GET', '/api/v1/users?pageSize=1', { apiKey: secret('load_api_key') });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('ratelimit-policy')).toBe('"principal";q=2000000;w=60');
  expect(answer.headers.get('ratelimit')).toMatch(/^"principal";r=\d+;t=\d+$/);
});
