import { once } from 'node:events';
import { Agent, METHODS, request } from 'node:http';
import { hashSessionToken } from '@sv-sdk/auth';
import { sessions, users } from '@sv-sdk/db';
import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from './testing/api.ts';

const USERS = 10_000;
const BATCH = 1_000;
/** At a time. */
const CALLERS = 20;
/** A state that comes up late, such as a wait or a miss, may add some; what grows with users adds thousands. */
const FEW = 50;

/** Paths with something of the caller's own in each. */
const PATHS = [
  (id: string) => `/api/v1/users/${id}`,
  (id: string) => `/api/v1/users?search=${id}`,
  (id: string) => `/api/v1/emails/${id}`,
  (id: string) => `/unsubscribe/${id}`,
  (id: string) => `/api/v1/webhooks/email/${id}`,
  (id: string) => `/api/v1/${id}`,
  (id: string) => `/${id}/${id}?${id}=${id}`,
  (id: string) => `/metrics/${id}`,
];
/** CONNECT asks for no path. */
const methods = METHODS.filter((method) => method !== 'CONNECT');

/** So many users, and a session of each; answers with their tokens. */
async function addUsers({ db }: TestApi): Promise<string[]> {
  const tokens: string[] = [];
  for (let from = 0; from < USERS; from += BATCH) {
    await db.withTx(async (tx) => {
      const rows = await tx
        .insert(users)
        .values(
          Array.from({ length: BATCH }, (_, index) => ({
            email: `user-${from + index}@example.org`,
            name: 'User',
            emailVerified: true,
          })),
        )
        .returning({ id: users.id });
      const made = rows.map(({ id }) => ({ userId: id, token: crypto.randomUUID() }));
      await tx.insert(sessions).values(
        made.map(({ userId, token }) => ({
          userId,
          token: hashSessionToken(token),
          expiresAt: new Date(Date.now() + 3_600_000),
        })),
      );
      tokens.push(...made.map(({ token }) => token));
    });
  }
  return tokens;
}

const seriesOf = async ({ registry }: TestApi) =>
  new Set(
    (await registry.metrics())
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' '))),
  );

test('10,000 users, addresses, methods and paths leave the number of series as it was', async () => {
  const api = await startTestApi();
  const tokens = await addUsers(api);
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const ask = async (index: number) => {
    const id = crypto.randomUUID();
    const path = PATHS[index % PATHS.length]?.(id) ?? '/';
    const sent = request(api.url + path, {
      agent,
      // Each path is asked by GET half of the time, and by every other method.
      method: index % 16 < 8 ? 'GET' : (methods[Math.floor(index / 16) % methods.length] ?? 'GET'),
      headers: {
        authorization: `Bearer ${tokens[index]}`,
        'x-forwarded-for': `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
        'user-agent': id,
        'x-request-id': id,
      },
    }).end();
    const [response] = await once(sent, 'response');
    await once(response.resume(), 'end');
  };
  const askAll = async (from: number, to: number) => {
    let next = from;
    const callers = Array.from({ length: CALLERS }, async () => {
      while (next < to) await ask(next++);
    });
    await Promise.all(callers);
  };

  await askAll(0, BATCH);
  const before = await seriesOf(api);
  await askAll(BATCH, USERS);
  agent.destroy();
  const after = await seriesOf(api);
  expect(before.size).toBeGreaterThan(200);
  expect([...after].filter((series) => !before.has(series)).length).toBeLessThan(FEW);
  const requests = await api.registry.getSingleMetricAsString('sv_http_requests_total');
  expect(requests).toContain('method="other",route="unmatched"');
}, 300_000);
