import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { call, eventually, query } from './client.ts';
import { shellOrThrow, startStack } from './stack.ts';

beforeAll(() => startStack());

const logsOf = async (service: string, more = '') =>
  (await shellOrThrow(`make logs FOLLOW=0 TAIL=500 SERVICE=${service} ${more}`)).stdout;

test('make logs: a request is one line of nginx and one of an app, by its id, for people', async () => {
  const id = randomUUID();
  await call('GET', `/api/v1/users/${randomUUID()}`, { headers: { 'x-request-id': id } });
  const lines = await eventually(
    async () =>
      (await logsOf('"nginx app"')).split('\n').filter((line) => line.includes(`"requestId":"${id}"`)),
    (found) => found.length >= 2,
    { seconds: 30, what: 'both lines' },
  );
  expect(lines).toHaveLength(2);
  expect(lines.find((line) => /nginx-\d+ /.test(line))).toMatch(/INFO: GET \/api\/v1\/users\/\S+ 401 \d+ ms/);
  expect(lines.find((line) => /app-\d+ /.test(line))).toMatch(
    /INFO: GET \/api\/v1\/users\/:id 401 [\d.]+ ms/,
  );
});

test('make logs: what is no JSON stays as it is, and RAW=1 shows all of it so', async () => {
  expect(await logsOf('postgres')).toMatch(/postgres-1 +\| .*(?:LOG|backup)/);
  expect(await logsOf('app', 'RAW=1')).toMatch(/app-\d+ +\| \{"level":"info","time":"/);
});

test('nginx’ log is counted, by each instance of the app', async () => {
  const instances = await eventually(
    async () => {
      for (let index = 0; index < 20; index += 1) await call('GET', '/health/live');
      return await query('sum by (upstream) (sv_nginx_upstream_requests_total{status_class="2xx"})');
    },
    (found) => found.length >= 2,
    { seconds: 60, what: 'both instances' },
  );
  expect(instances.every(({ labels }) => /^[\d.]+:3000$/.test(labels['upstream'] ?? ''))).toBe(true);
  expect((await query('sv_nginx_log_unreadable_total'))[0]?.value).toBe(0);
});
