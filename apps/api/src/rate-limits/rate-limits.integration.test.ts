import { createApiKey } from '@sv-sdk/auth';
import { apiKeys } from '@sv-sdk/db';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { eq } from 'drizzle-orm';
import { Redis } from 'ioredis';
import { type BareItem, parseList } from 'structured-headers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type Endpoint, itemEndpoint } from '../endpoint/endpoint.ts';
import { ApiError } from '../errors.ts';
import { errorCodesOf } from '../openapi.ts';
import { endpoints } from '../routes/index.ts';
import { type Answer, startTestApi, type TestApi, type TestApiOptions } from '../testing/api.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis('cache');
});
afterAll(() => redis.stop());

function openRaw(): Redis {
  const raw = new Redis(redis.url);
  onTestFinished(() => raw.disconnect());
  return raw;
}

const probe = {
  summary: 'For tests',
  tag: 'test',
  status: 200,
  data: z.strictObject({}),
  handle: async () => ({}),
} as const;
const PUBLIC = '/api/v1/test/public';
const PRIVATE = '/api/v1/test/private';
const SIGN_IN = '/api/v1/test/sign-in';
const probes: Endpoint[] = [
  itemEndpoint({ ...probe, method: 'get', path: PUBLIC, operationId: 'publicGet', access: 'public' }),
  itemEndpoint({ ...probe, method: 'get', path: PRIVATE, operationId: 'privateGet', access: 'principal' }),
  itemEndpoint({ ...probe, method: 'post', path: PRIVATE, operationId: 'privatePost', access: 'principal' }),
  itemEndpoint({
    ...probe,
    method: 'post',
    path: SIGN_IN,
    operationId: 'signInPost',
    access: 'public',
    limit: 'signIn',
  }),
];

/** An app with the probes and these limits, shared through Redis. */
async function startApi(
  limits: NonNullable<TestApiOptions['rateLimits']>['limits'] = {},
  options: Omit<TestApiOptions, 'rateLimits'> & { windowSeconds?: number; redisUrl?: string } = {},
): Promise<TestApi> {
  const { windowSeconds, redisUrl = redis.url, more = [], ...rest } = options;
  const api = await startTestApi({
    ...rest,
    more: [...probes, ...more],
    rateLimits: { limits, redisUrl, ...(windowSeconds !== undefined && { windowSeconds }) },
  });
  if (redisUrl === redis.url) {
    // Until its connection is there, each request counts as an error.
    await expect
      .poll(async () => {
        const before = await unsharedOf(api);
        await api.call('GET', PUBLIC, from(newAddress()));
        return (await unsharedOf(api)) - before;
      })
      .toBe(0);
  }
  return api;
}

const metricOf = async ({ registry }: TestApi, name: string, labels: Record<string, string> = {}) => {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return values.find((value) => Object.entries(labels).every(([k, v]) => value.labels[k] === v))?.value ?? 0;
};
const unsharedOf = (api: TestApi) => metricOf(api, 'sv_rate_limit_errors_total');

/** nginx' word for the client's address. */
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
let addresses = 0;
/** Not used by another test: Redis is the same for all. */
function newAddress(): string {
  addresses += 1;
  return `198.51.${Math.floor(addresses / 256)}.${addresses % 256}`;
}

async function addKey({ db }: TestApi, userId: string, rateLimitPerMinute?: number): Promise<string> {
  return db.withTx(async (tx) => {
    const { key, row } = await createApiKey(tx, { userId, name: 'test', scopes: null, expiresAt: null });
    if (rateLimitPerMinute !== undefined) {
      await tx.update(apiKeys).set({ rateLimitPerMinute }).where(eq(apiKeys.id, row.id));
    }
    return key;
  });
}

const times = <T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => action(index)));

async function inTurn<T>(count: number, action: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let round = 0; round < count; round += 1) results.push(await action());
  return results;
}

const statusesOf = (answers: readonly Answer[]) => answers.map(({ status }) => status);
const passed = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200).length;

/** The one policy that a RateLimit field names, with its parameters; fails on what is no structured field. */
function policyIn(answer: Answer, name: 'RateLimit-Policy' | 'RateLimit') {
  const list = parseList(answer.headers.get(name) ?? '');
  expect(list).toHaveLength(1);
  const [policy, parameters] = list[0] as [string, Map<string, BareItem>];
  return { policy, ...Object.fromEntries(parameters) } as Record<string, BareItem>;
}

describe('two instances', () => {
  const both = async (limits: Parameters<typeof startApi>[0]) => {
    const first = await startApi(limits);
    const second = await startApi(limits, { like: first });
    return [first, second] as const;
  };

  test('share the limit of an address exactly: of 60 requests at once, 20 pass', async () => {
    const apis = await both({ addressPerMinute: 20 });
    const address = newAddress();
    const answers = await times(60, (index) =>
      (apis[index % 2] as TestApi).call('GET', PUBLIC, from(address)),
    );
    expect(passed(answers)).toBe(20);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
    expect(passed([await apis[0].call('GET', PUBLIC, from(newAddress()))])).toBe(1);
  });

  test.each(['GET', 'POST'])('share the limit of a user exactly, with %s', async (method) => {
    const apis = await both({ principalPerMinute: 20 });
    const user = await apis[0].addUser();
    const keys = [await addKey(apis[0], user.id), await addKey(apis[0], user.id)];
    const answers = await times(60, (index) =>
      (apis[index % 2] as TestApi).call(method, PRIVATE, { apiKey: keys[index % 3 ? 0 : 1] }),
    );
    expect(passed(answers)).toBe(20);
    const other = await addKey(apis[0], (await apis[0].addUser()).id);
    expect(passed([await apis[1].call(method, PRIVATE, { apiKey: other })])).toBe(1);
  });

  test('the verdict wins over what the handler of a GET throws, and nothing is left unhandled', async () => {
    const late = itemEndpoint({
      ...probe,
      method: 'get',
      path: '/api/v1/test/late',
      operationId: 'late',
      access: 'principal',
      handle: async ({ services }) => {
        await services.db.ping();
        throw new ApiError('SERVICE_UNAVAILABLE', 'Late.');
      },
    });
    const first = await startApi({ principalPerMinute: 1 }, { more: [late] });
    const second = await startApi({ principalPerMinute: 1 }, { more: [late], like: first });
    const apiKey = await addKey(first, (await first.addUser()).id);
    expect((await first.call('GET', '/api/v1/test/late', { apiKey })).status).toBe(503);
    // The second instance doesn't know yet, so its handler runs.
    expect((await second.call('GET', '/api/v1/test/late', { apiKey })).status).toBe(429);
  });
});

describe('who a request counts for', () => {
  test('a user: all of their keys and sessions together, and no other user', async () => {
    const api = await startApi({ principalPerMinute: 3 });
    const [ada, grace] = [await api.addUser(), await api.addUser()];
    const keys = [await addKey(api, ada.id), await addKey(api, ada.id)];
    const answers = await inTurn(2, () => api.call('GET', PRIVATE, { apiKey: keys[0] }));
    answers.push(...(await inTurn(2, () => api.call('GET', PRIVATE, { apiKey: keys[1] }))));
    expect(statusesOf(answers)).toEqual([200, 200, 200, 429]);
    expect((await api.call('GET', PRIVATE, { apiKey: await addKey(api, grace.id) })).status).toBe(200);
  });

  test('a key with a limit of its own: by itself, above or below its user’s', async () => {
    const api = await startApi({ principalPerMinute: 2 });
    const { id } = await api.addUser();
    const [ordinary, wide, narrow] = [
      await addKey(api, id),
      await addKey(api, id, 5),
      await addKey(api, id, 1),
    ];
    const get = (apiKey: string) => () => api.call('GET', PRIVATE, { apiKey });
    expect(statusesOf(await inTurn(6, get(wide)))).toEqual([200, 200, 200, 200, 200, 429]);
    expect(statusesOf(await inTurn(2, get(narrow)))).toEqual([200, 429]);
    expect(statusesOf(await inTurn(3, get(ordinary)))).toEqual([200, 200, 429]);
  });

  test('an address: whoever names no credential, or a wrong one', async () => {
    const api = await startApi({ addressPerMinute: 3 });
    const address = newAddress();
    const answers = [
      await api.call('GET', PUBLIC, from(address)),
      await api.call('GET', PRIVATE, from(address)),
      await api.call('GET', PRIVATE, { ...from(address), apiKey: 'sv_wrong' }),
      await api.call('GET', PRIVATE, { ...from(address), token: 'wrong' }),
    ];
    expect(statusesOf(answers)).toEqual([200, 401, 401, 429]);
    expect(policyIn(answers[2] as Answer, 'RateLimit')).toMatchObject({ policy: 'address', r: 0 });
  });

  test('an IPv6 network of 64 bits is one address', async () => {
    const api = await startApi({ addressPerMinute: 2 });
    const network = '2001:db8:7';
    const get = (address: string) => api.call('GET', PUBLIC, from(address));
    expect(statusesOf([await get(`${network}:1::1`), await get(`${network}:1::2`)])).toEqual([200, 200]);
    expect((await get(`${network}:1:ffff:ffff:ffff:ffff`)).status).toBe(429);
    expect((await get(`${network}:2::1`)).status).toBe(200);
  });

  test('only the hop that nginx wrote counts: more of them, and other headers, are the client’s own word', async () => {
    const api = await startApi({ addressPerMinute: 2 });
    const real = newAddress();
    const answers = await inTurn(3, () =>
      api.call('GET', PUBLIC, {
        headers: {
          'x-forwarded-for': `${newAddress()}, ${real}`,
          'x-real-ip': newAddress(),
          forwarded: `for=${newAddress()}`,
        },
      }),
    );
    expect(statusesOf(answers)).toEqual([200, 200, 429]);
  });

  test('signing in counts for the address by its own limit, whoever asks', async () => {
    const api = await startApi({ signInPerMinute: 2, addressPerMinute: 2, principalPerMinute: 1 });
    const address = newAddress();
    const apiKey = await addKey(api, (await api.addUser()).id);
    const signIn = () => api.call('POST', SIGN_IN, { ...from(address), apiKey });
    const answers = await inTurn(3, signIn);
    expect(statusesOf(answers)).toEqual([200, 200, 429]);
    expect(policyIn(answers[2] as Answer, 'RateLimit-Policy')).toMatchObject({ policy: 'sign-in', q: 2 });
    expect((await api.call('GET', PUBLIC, from(address))).status).toBe(200);
    expect((await api.call('GET', PRIVATE, { apiKey })).status).toBe(200);
  });

  test('health, documentation and metrics are for everybody', async () => {
    const api = await startApi({ addressPerMinute: 1 });
    const address = newAddress();
    await inTurn(2, () => api.call('GET', PUBLIC, from(address)));
    for (const path of ['/health/live', '/health/startup', '/api/v1/openapi.json']) {
      const answer = await api.call('GET', path, from(address));
      expect(answer.status, path).not.toBe(429);
      expect(answer.headers.get('ratelimit'), path).toBeNull();
    }
  });

  test('an unknown route counts for the address', async () => {
    const api = await startApi({ addressPerMinute: 2 });
    const address = newAddress();
    const answers = await inTurn(3, () => api.call('GET', '/wp-login.php', from(address)));
    expect(statusesOf(answers)).toEqual([404, 404, 429]);
  });
});

describe('over the limit', () => {
  test('the answer says what the limit is, how much is left, and when to come again', async () => {
    const api = await startApi({ addressPerMinute: 2 });
    const address = newAddress();
    const answers = await inTurn(3, () => api.call('GET', PUBLIC, from(address)));
    for (const [index, answer] of answers.entries()) {
      expect(policyIn(answer, 'RateLimit-Policy')).toEqual({ policy: 'address', q: 2, w: 60 });
      const { policy, r, t } = policyIn(answer, 'RateLimit');
      expect({ policy, r }).toEqual({ policy: 'address', r: Math.max(0, 1 - index) });
      expect(t).toBeGreaterThan(0);
      expect(t).toBeLessThanOrEqual(60);
    }
    const refused = answers[2] as Answer;
    expect(refused.headers.get('retry-after')).toBe(String(policyIn(refused, 'RateLimit')['t']));
    expect(answers[1]?.headers.get('retry-after')).toBeNull();
    expect(refused.body).toMatchObject({ success: false, error: { code: 'RATE_LIMIT_EXCEEDED' } });
    expect(await metricOf(api, 'sv_rate_limited_total', { class: 'address' })).toBe(1);
  });

  test('errors of every kind carry the headers too', async () => {
    const api = await startApi();
    const apiKey = await addKey(api, (await api.addUser()).id);
    const answers = [
      await api.call('GET', '/api/v1/users/nobody', { apiKey }),
      await api.call('GET', '/api/v1/users', { apiKey }),
      await api.call('GET', '/api/v1/users'),
      await api.call('POST', '/api/v1/auth/login', { body: 'not json' }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(policyIn(answer, 'RateLimit')).toMatchObject({ r: expect.any(Number), t: expect.any(Number) });
    }
  });

  test('neither Redis nor the database is asked again until the window ends', async () => {
    // No database: looking a credential up fails, and would say so.
    const api = await startApi(
      { addressPerMinute: 3 },
      { databaseUrl: 'postgres://sv_app:x@127.0.0.1:1/none' },
    );
    const raw = openRaw();
    const before = new Set(await raw.keys('rate_limit:address:*'));
    const address = newAddress();
    const ask = () => api.call('GET', PRIVATE, { ...from(address), apiKey: 'sv_unknown' });
    expect(statusesOf(await inTurn(4, ask))).toEqual([503, 503, 503, 429]);
    expect(statusesOf(await times(20, ask))).toEqual(Array(20).fill(429));
    const [key] = (await raw.keys('rate_limit:address:*')).filter((name) => !before.has(name));
    expect(await raw.get(key as string)).toBe('3');
  });

  test('a flood of wrong credentials shuts out nobody of the same address who is known here', async () => {
    const api = await startApi({ addressPerMinute: 2 });
    const address = newAddress();
    const apiKey = await addKey(api, (await api.addUser()).id);
    const asUser = () => api.call('GET', PRIVATE, { ...from(address), apiKey });
    expect((await asUser()).status).toBe(200);
    const flood = await inTurn(3, () => api.call('GET', PRIVATE, { ...from(address), apiKey: 'sv_wrong' }));
    expect(statusesOf(flood)).toEqual([401, 401, 429]);
    expect((await asUser()).status).toBe(200);
  });

  test('the window ends, and the next one is whole', async () => {
    const api = await startApi({ addressPerMinute: 2 }, { windowSeconds: 1 });
    const address = newAddress();
    const get = () => api.call('GET', PUBLIC, from(address));
    expect((await inTurn(3, get)).at(-1)?.status).toBe(429);
    let first: Answer | undefined;
    await expect
      .poll(async () => {
        first = await get();
        return first.status;
      })
      .toBe(200);
    expect(policyIn(first as Answer, 'RateLimit')).toMatchObject({ r: 1 });
  });
});

describe('when Redis', () => {
  test('is not there, limits are kept per instance, and nothing fails', async () => {
    const api = await startApi({ addressPerMinute: 5 }, { redisUrl: 'redis://:x@127.0.0.1:1' });
    const address = newAddress();
    const answers = await times(10, () => api.call('GET', PUBLIC, from(address)));
    expect(passed(answers)).toBe(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
    expect(await unsharedOf(api)).toBeGreaterThanOrEqual(5);
  });

  test('is killed in the middle, a caller goes on from where it was, and who was over stays so', async () => {
    const own = await startTestRedis('cache');
    let isRunning = true;
    onTestFinished(async () => {
      if (isRunning) await own.stop();
    });
    const api = await startApi({ addressPerMinute: 5 }, { redisUrl: own.url });
    const [half, over] = [newAddress(), newAddress()];
    const get = (address: string) => () => api.call('GET', PUBLIC, from(address));
    await inTurn(3, get(half));
    await inTurn(6, get(over));
    await own.stop();
    isRunning = false;
    expect(statusesOf(await inTurn(3, get(half)))).toEqual([200, 200, 429]);
    expect((await get(over)()).status).toBe(429);
  });

  test('is wiped, nobody who was over is let in by an instance that knows it', async () => {
    const api = await startApi({ addressPerMinute: 2 });
    const address = newAddress();
    await inTurn(3, () => api.call('GET', PUBLIC, from(address)));
    await openRaw().flushall();
    expect((await api.call('GET', PUBLIC, from(address))).status).toBe(429);
  });

  test('hangs, a GET is acted on while it is counted, and a POST is not', async () => {
    const entered: string[] = [];
    const seen = (method: 'get' | 'post') =>
      itemEndpoint({
        ...probe,
        method,
        path: '/api/v1/test/seen',
        operationId: `seen-${method}`,
        access: 'public',
        handle: async () => {
          entered.push(method);
          return {};
        },
      });
    const api = await startApi({}, { more: [seen('get'), seen('post')] });
    await openRaw().call('CLIENT', 'PAUSE', '1000', 'ALL');
    let isAnswered = false;
    const posted = api.call('POST', '/api/v1/test/seen', from(newAddress()));
    const got = api.call('GET', '/api/v1/test/seen', from(newAddress())).finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => entered, { interval: 5 }).toEqual(['get']);
    expect(isAnswered).toBe(false);
    expect((await Promise.all([got, posted])).map(({ status }) => status)).toEqual([200, 200]);
    expect(entered).toEqual(['get', 'post']);
  });
});

test('Redis is told no address', async () => {
  const api = await startApi();
  const raw = openRaw();
  const address = newAddress();
  await api.call('GET', PUBLIC, from(address));
  await api.call('POST', SIGN_IN, from(address));
  const keys = await raw.keys('*');
  expect(keys.length).toBeGreaterThanOrEqual(2);
  for (const key of keys) {
    expect(key).toMatch(/^rate_limit:(user|api_key|address|sign-in):[\w-]+$/);
    expect(key).not.toContain(address);
  }
});

test('every endpoint documents the refusal', () => {
  for (const endpoint of endpoints) {
    expect(errorCodesOf(endpoint).has('RATE_LIMIT_EXCEEDED'), endpoint.operationId).toBe(true);
  }
});
