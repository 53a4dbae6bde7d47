import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { z } from 'zod';
import { itemEndpoint } from './endpoint/endpoint.ts';
import { PASSWORD, startTestApi, type TestApi } from './testing/api.ts';
import { addCredential } from './testing/callers.ts';
import { mailedToken } from './testing/mails.ts';
import { environmentOf, runApi } from './testing/process.ts';
import { rawRequest } from './testing/raw-http.ts';

const ADDRESS = 'planted.address@example.org';

/** One of everything that must not be told. */
async function plant(api: TestApi): Promise<Record<string, string>> {
  const user = await api.addUser({ role: 'admin', email: ADDRESS });
  const { token, cookie } = await api.signIn(user);
  const cookieName = cookie.split('=', 1)[0] ?? '';
  const { apiKey = '' } = await api.db.withTx((tx) => addCredential(tx, user.id, 'api key', { cookieName }));
  const newcomer = 'planted.newcomer@example.org';
  await api.call('POST', '/api/v1/auth/signup', {
    body: { email: newcomer, name: 'New', password: PASSWORD },
  });
  return {
    apiKey,
    session: token,
    cookie: cookie.slice(cookieName.length + 1),
    password: PASSWORD,
    address: ADDRESS,
    newcomer,
    verification: await mailedToken(api, newcomer),
    unsubscribe: randomBytes(32).toString('base64url'),
  };
}

interface Planted {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** The secret in each place of a request where a caller may put it, by mistake or on purpose. */
function requestsWith(secret: string): Planted[] {
  const encoded = encodeURIComponent(secret);
  const json = { 'content-type': 'application/json' };
  const login = '/api/v1/auth/login';
  return [
    { path: '/api/v1/users', headers: { 'x-api-key': secret } },
    { path: '/api/v1/users', headers: { authorization: `Bearer ${secret}` } },
    { path: '/api/v1/users', headers: { authorization: `Basic ${secret}` } },
    { path: '/api/v1/users', headers: { cookie: `sv.session_token=${secret}` } },
    { path: '/api/v1/users', headers: { 'user-agent': secret, referer: `http://x/${encoded}` } },
    { path: '/api/v1/users', headers: { 'idempotency-key': secret, origin: `https://${encoded}.example` } },
    { path: `/api/v1/users?search=${encoded}&token=${encoded}` },
    { path: `/api/v1/users?page=${encoded}` },
    { path: `/api/v1/users/${encoded}` },
    { path: `/unsubscribe/${encoded}` },
    { path: `/api/v1/webhooks/email/${encoded}`, method: 'POST', headers: json, body: `{"a":"${secret}"}` },
    { path: `/${encoded}` },
    { path: `/admin/queues/${encoded}` },
    {
      path: login,
      method: 'POST',
      headers: json,
      body: JSON.stringify({ email: ADDRESS, password: secret }),
    },
    { path: login, method: 'POST', headers: json, body: JSON.stringify({ email: secret, password: secret }) },
    { path: login, method: 'POST', headers: json, body: `{"password":"${secret}"` },
    { path: login, method: 'POST', headers: json, body: JSON.stringify({ [secret]: secret }) },
    { path: '/api/v1/auth/verify-email', method: 'POST', headers: json, body: `{"token":"${secret}"}` },
    {
      path: '/api/v1/auth/signup',
      method: 'POST',
      headers: json,
      body: JSON.stringify({ email: ADDRESS, name: secret.slice(0, 100), password: 'another long password' }),
    },
    { path: login, method: 'POST', headers: { 'content-type': secret }, body: secret },
  ];
}

test('nothing that a request may hold is in what the process writes, with every level on', async () => {
  const api = await startTestApi();
  const secrets = await plant(api);
  const process = runApi(
    await environmentOf(
      { LOG_LEVEL: 'trace', LOG_SUCCESSES_PER_SECOND: '0', REDIS_URL: inject('cacheUrl') },
      api.database,
    ),
  );
  const { port } = await process.logged('listening');
  const url = `http://127.0.0.1:${port}`;
  let asked = 0;
  const askEverything = async () => {
    for (const { path, ...init } of Object.values(secrets).flatMap(requestsWith)) {
      await (await fetch(url + path, { redirect: 'manual', ...init })).arrayBuffer();
      asked += 1;
    }
    // What is no HTTP reaches no route.
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(rawRequest(`GET /${secrets['session']} HTTP/9.9`, [`X-Api-Key: ${secrets['apiKey']}`]));
    await text(socket);
  };
  await askEverything();
  // And again with faults of ours behind them: whatever touches these tables throws.
  const owner = new pg.Client(api.database.directUrl);
  await owner.connect();
  await owner.query('alter table auth.users rename to users_away');
  await owner.query('alter table auth.verifications rename to verifications_away');
  await owner.end();
  await askEverything();
  await expect.poll(() => process.output().match(/"msg":"request(?: failed)?"/g)?.length).toBe(asked);
  expect(process.output()).toContain('"msg":"request failed"');
  const found = Object.entries(secrets).filter(
    ([, secret]) =>
      process.output().includes(secret) || process.output().includes(encodeURIComponent(secret)),
  );
  expect(found.map(([name]) => name)).toEqual([]);
});

test('an error that quotes what it should not is logged without it', async () => {
  const secrets = { apiKey: `sv_${randomBytes(32).toString('base64url')}`, session: 'planted-session-token' };
  const api = await startTestApi({
    more: [
      itemEndpoint({
        method: 'get',
        path: '/api/v1/test/quoting',
        operationId: 'quoting',
        summary: 'Throws',
        tag: 'test',
        access: 'public',
        status: 200,
        data: z.strictObject({}),
        handle: async () => {
          throw new Error(`not for <${ADDRESS}>, X-API-Key: ${secrets.apiKey}`, {
            cause: new Error(`Authorization: Bearer ${secrets.session} at https://sv:${PASSWORD}@host/`),
          });
        },
      }),
    ],
  });
  await api.call('GET', '/api/v1/test/quoting');
  const written = JSON.stringify(api.log);
  expect(written).toContain('not for <[address]>');
  for (const secret of [...Object.values(secrets), ADDRESS]) expect(written).not.toContain(secret);
});

test('a request’s line has its id, caller, pattern, status and duration', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('admin');
  const answer = await api.call('GET', `/api/v1/users/${user.id}`, { token });
  const line = api.log.find(({ requestId }) => requestId === answer.body.meta.requestId);
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.+Z$/),
    service: 'app',
    version: 'test',
    requestId: answer.body.meta.requestId,
    method: 'GET',
    route: '/api/v1/users/:id',
    status: 200,
    durationMs: expect.any(Number),
    userId: user.id,
    msg: 'request',
  });
});

test('at a high rate successes are sampled, and refusals never', async () => {
  const api = await startTestApi({ logSuccessesPerSecond: 1 });
  const { token } = await api.addCaller('admin');
  api.log.length = 0;
  const all = (options: object) =>
    Promise.all(Array.from({ length: 40 }, () => api.call('GET', '/api/v1/roles', options)));
  await all({ token });
  await all({});
  const lines = api.log.filter(({ msg, status }) => msg === 'request' && Number(status) < 500);
  expect(lines.filter(({ status }) => status === 401)).toHaveLength(40);
  const successes = lines.filter(({ status, durationMs }) => status === 200 && Number(durationMs) < 500);
  expect(successes.length).toBeLessThan(20);
});
