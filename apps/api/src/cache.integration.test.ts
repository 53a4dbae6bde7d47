import { cacheKey } from '@sv-sdk/cache';
import { lastTime, startFreezingProxy } from '@sv-sdk/cache/testing';
import { apiKeys, markStale, sessions, userRoles } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { expect, onTestFinished, test } from 'vitest';
import { startTestApi, type TestApi } from './testing/api.ts';
import { useTestPlatform } from './testing/platform.ts';
import { statementsDuring } from './testing/statements.ts';

const { start: startPlatform, redis, url } = useTestPlatform();

/** What Redis was asked, by command, but for heartbeats and what this test asks itself. */
async function commandsDuring(action: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis().config('RESETSTAT');
  await action();
  const commands: Record<string, number> = {};
  for (const [, name = '', calls] of (await redis().info('commandstats')).matchAll(
    /cmdstat_([^:]+):calls=(\d+)/g,
  )) {
    if (!['publish', 'info', 'config|resetstat', 'ping'].includes(name)) commands[name] = Number(calls);
  }
  return commands;
}

const status = async (api: TestApi, path: string, credential: { token?: string; apiKey?: string }) =>
  (await api.call('GET', path, credential)).status;

test.each(['/api/v1/auth/session', '/api/v1/users/:id'])(
  'a warm GET %s costs one command of Redis and no query',
  async (pattern) => {
    const [api] = await startPlatform(1);
    const { user, token } = await api.addCaller('user');
    const path = pattern.replace(':id', user.id);
    expect(await status(api, path, { token })).toBe(200);

    let statements: string[] = [];
    const commands = await commandsDuring(async () => {
      statements = await statementsDuring(async () => {
        expect(await status(api, path, { token })).toBe(200);
      });
    });
    expect(statements).toEqual([]);
    expect(commands).toEqual({ set: 1 });
  },
);

test('a stampede on cold caches: 200 requests on 2 instances, and each question is asked once each at the most', async () => {
  const [one, two] = await startPlatform(2);
  const { user, token } = await one.addCaller('user');
  await redis().flushall();
  const path = `/api/v1/users/${user.id}`;
  const statements = await statementsDuring(async () => {
    const requests = Array.from({ length: 200 }, (_, index) =>
      status(index % 2 === 0 ? one : (two ?? one), path, { token }),
    );
    expect(new Set(await Promise.all(requests))).toEqual(new Set([200]));
  });
  const times = (table: string) => statements.filter((text) => text.includes(`from ${table}`)).length;
  for (const table of [
    '"auth"."sessions"',
    '"permissions"."user_roles"',
    '"permissions"."roles"',
    '"auth"."users"',
  ]) {
    expect(times(table), table).toBeLessThanOrEqual(2);
  }
  expect(times('"auth"."sessions"')).toBeGreaterThan(0);
});

test('who changes a user sees the change at once, on whichever instance they ask', async () => {
  const platform = await startPlatform(3);
  const [first] = platform;
  const { user, token } = await first.addCaller('admin');
  const path = `/api/v1/users/${user.id}`;
  for (let turn = 0; turn < 10; turn += 1) {
    for (const api of platform) await api.call('GET', path, { token });
    const name = `Name ${turn}`;
    const writer = platform[turn % platform.length] ?? first;
    expect((await writer.call('PATCH', path, { token, body: { name } })).status).toBe(200);
    const answers = await Promise.all(platform.map((api) => api.call('GET', path, { token })));
    expect(answers.map(({ body }) => body.data.name)).toEqual(platform.map(() => name));
  }
});

test('a session, an API key and a role that are taken away are refused by each of 5 instances within a second', async () => {
  const platform = await startPlatform(5);
  const [first] = platform;
  const caller = await first.addCaller('manager');
  const keyOwner = await first.addCaller('manager');
  const loser = await first.addCaller('manager');
  const key = await first.call('POST', '/api/v1/auth/api-keys', {
    token: keyOwner.token,
    body: { name: 'key' },
  });
  const apiKey: string = key.body.data.key;
  const list = '/api/v1/users';
  const answers = async () => {
    const answered = await Promise.all(
      platform.map((api) =>
        Promise.all([
          status(api, list, { token: caller.token }),
          status(api, list, { apiKey }),
          status(api, list, { token: loser.token }),
        ]),
      ),
    );
    return [...new Set(answered.map((statuses) => statuses.join()))];
  };
  expect(await answers()).toEqual(['200,200,200']);
  // Again, out of memory.
  expect(await answers()).toEqual(['200,200,200']);

  const start = performance.now();
  await first.db.withTx(async (tx) => {
    const ended = await tx.delete(sessions).where(eq(sessions.userId, caller.user.id)).returning();
    const revoked = await tx
      .update(apiKeys)
      .set({ revokedAt: new Date() })
      .where(eq(apiKeys.userId, keyOwner.user.id))
      .returning();
    await tx.delete(userRoles).where(eq(userRoles.userId, loser.user.id));
    await markStale(tx, [
      ...ended.map(({ token }) => cacheKey.session(token)),
      ...revoked.map(({ hash }) => cacheKey.apiKey(hash)),
      cacheKey.permissions(loser.user.id),
    ]);
  });
  const lastTakenAt = await lastTime(start, async () => (await answers()).join().includes('200'));
  expect(lastTakenAt - start).toBeLessThan(1_000);
  expect(await answers()).toEqual(['401,401,403']);
});

test('sessions survive a wipe of the cache', async () => {
  const [api] = await startPlatform(1);
  const { token } = await api.addCaller('user');
  expect(await status(api, '/api/v1/auth/session', { token })).toBe(200);
  await redis().flushall();
  expect(await status(api, '/api/v1/auth/session', { token })).toBe(200);
});

test('an expired session is refused although the cache has it', async () => {
  const [api] = await startPlatform(1);
  const { user, token } = await api.addCaller('user');
  const expiresAt = new Date(Date.now() + 1_500);
  await api.db.withTx(async (tx) => {
    const [row] = await tx
      .update(sessions)
      .set({ expiresAt })
      .where(eq(sessions.userId, user.id))
      .returning();
    if (row === undefined) throw new Error('there is no session');
    await markStale(tx, [cacheKey.session(row.token)]);
  });
  expect(await status(api, '/api/v1/auth/session', { token })).toBe(200);
  await expect.poll(() => status(api, '/api/v1/auth/session', { token })).toBe(401);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
});

test('what somebody else has put under a key gives nobody anything', async () => {
  const [api] = await startPlatform(1);
  const { user, token } = await api.addCaller('user');
  await redis().flushall();
  const prefix = `${api.database.name}:`;
  await redis().set(`${prefix}${cacheKey.permissions(user.id)}`, '{"0":"x"}');
  await redis().set(`${prefix}${cacheKey.user(user.id)}`, '{"id":1}');
  expect(await status(api, '/api/v1/auth/session', { token })).toBe(200);
  expect(await status(api, '/api/v1/users', { token })).toBe(403);
});

test('a cache that hangs fails no request, and holds each one up for one timeout at the most', async () => {
  const proxy = await startFreezingProxy(url());
  onTestFinished(() => proxy.close());
  const api = await startTestApi({ cacheUrl: proxy.url, cacheTimeoutMs: 200 });
  await api.cache.whenTrusted();
  const { user, token } = await api.addCaller('admin');
  const path = `/api/v1/users/${user.id}`;
  expect(await status(api, path, { token })).toBe(200);
  proxy.freeze();
  const start = performance.now();
  expect(await status(api, path, { token })).toBe(200);
  // 200 ms for the cache; the rest for a machine under load.
  expect(performance.now() - start).toBeLessThan(1_000);
  await expect.poll(() => api.cache.isTrusted()).toBe(false);
  expect((await api.call('PATCH', path, { token, body: { name: 'Changed' } })).status).toBe(200);
  expect((await api.call('GET', path, { token })).body.data.name).toBe('Changed');
});
