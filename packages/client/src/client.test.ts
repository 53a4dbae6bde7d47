import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ApiFailure, ConnectionFailure, createClient } from './index.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Behaviour = (response: ServerResponse, seen: Seen) => void;

/** A server of the test's own that behaves as the list says, request by request, and as its last entry from then on. */
async function serve(...behaviours: readonly Behaviour[]) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(chunks).toString();
    seen.push({ method, url, headers, body });
    const behaviour = behaviours[Math.min(seen.length, behaviours.length) - 1];
    behaviour?.(response, { method, url, headers, body });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const meta = { requestId: 'request-1', timestamp: '2026-01-01T00:00:00.000Z', version: 'test' };

const answer =
  (status: number, body: object, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
const success = (data: unknown, more: object = {}) => answer(200, { success: true, data, ...more, meta });
const failure = (status: number, error: object, headers: Record<string, string> = {}) =>
  answer(status, { success: false, error, meta }, headers);
const busy = failure(503, { code: 'SERVICE_UNAVAILABLE', message: 'Busy.' }, { 'retry-after': '0' });
const cut: Behaviour = (response) => response.socket?.destroy();

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

const user = { params: { path: { id: 'u1' } } };
const check = { body: { permission: 'read:own:user' } };

test('an answer is unwrapped, and the credential sent', async () => {
  const { seen, baseUrl } = await serve(success({ id: 'u1', name: 'Ada' }));
  const byToken = createClient({ baseUrl, token: 't' });
  const { data, meta: received, status } = await byToken.get('/api/v1/users/{id}', user);
  expect({ data, received, status }).toEqual({
    data: { id: 'u1', name: 'Ada' },
    received: meta,
    status: 200,
  });
  await createClient({ baseUrl, apiKey: 'k', headers: { 'x-request-id': 'mine' } }).get(
    '/api/v1/users/{id}',
    user,
  );
  expect(seen[0]).toMatchObject({ url: '/api/v1/users/u1', headers: { authorization: 'Bearer t' } });
  expect(seen[1]?.headers).toMatchObject({ 'x-api-key': 'k', 'x-request-id': 'mine' });
  expect(seen[1]?.headers).not.toHaveProperty('authorization');
});

test('a path parameter cannot leave its place', async () => {
  const { seen, baseUrl } = await serve(success({}));
  await createClient({ baseUrl }).get('/api/v1/users/{id}', { params: { path: { id: '../roles?x=1' } } });
  expect(seen[0]?.url).toBe('/api/v1/users/..%2Froles%3Fx%3D1');
});

test('an error is thrown with all that the API said of it', async () => {
  const details = [{ field: 'email', message: 'is taken' }];
  const error = { code: 'CONSTRAINT_VIOLATION', message: 'email: is taken', field: 'email', details };
  const { baseUrl } = await serve(failure(409, error));
  const thrown = await createClient({ baseUrl })
    .post('/api/v1/permissions/check', check)
    .catch((caught: unknown) => caught);
  expect(thrown).toBeInstanceOf(ApiFailure);
  expect(thrown).toMatchObject({
    ...error,
    status: 409,
    requestId: 'request-1',
    retryAfterSeconds: undefined,
  });
});

test('what is not the API is told apart from an error of the API', async () => {
  const { baseUrl } = await serve((response) =>
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
  );
  const thrown = await createClient({ baseUrl })
    .get('/api/v1/users/{id}', user)
    .catch((caught: unknown) => caught);
  expect(thrown).toBeInstanceOf(ConnectionFailure);
  expect(thrown).toMatchObject({ status: 502 });
});

test('a success that is in no envelope is not taken for one', async () => {
  const { baseUrl } = await serve(answer(200, { hello: 'portal' }));
  await expect(createClient({ baseUrl }).get('/api/v1/users/{id}', user)).rejects.toThrow('is not the API');
});

test('every POST has an Idempotency-Key of its own; a given one is kept, null sends none', async () => {
  const { seen, baseUrl } = await serve(success({}));
  const { post, patch } = createClient({ baseUrl });
  await post('/api/v1/permissions/check', check);
  await post('/api/v1/permissions/check', check);
  await post('/api/v1/permissions/check', { ...check, headers: { 'Idempotency-Key': 'mine' } });
  await post('/api/v1/permissions/check', { ...check, headers: { 'Idempotency-Key': null } });
  await patch('/api/v1/users/{id}', { ...user, body: { name: 'Ada' } });
  const [first, second, given, none, ofPatch] = seen.map(({ headers }) => headers['idempotency-key']);
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).not.toBe(first);
  expect([given, none, ofPatch]).toEqual(['mine', undefined, undefined]);
});

test.each([
  ['503', busy],
  ['429', failure(429, { code: 'RATE_LIMIT_EXCEEDED', message: 'Slower.' }, { 'retry-after': '0' })],
  ['a broken connection', cut],
  [
    'an answer that breaks off',
    ((response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"success":');
      setImmediate(() => response.socket?.destroy());
    }) as Behaviour,
  ],
])('a GET and a POST are repeated after %s, the POST with the same key and body', async (_what, broken) => {
  const get = await serve(broken, broken, success({ id: 'u1' }));
  await createClient({ baseUrl: get.baseUrl }).get('/api/v1/users/{id}', user);
  expect(get.seen).toHaveLength(3);

  const post = await serve(broken, success({ allowed: true }));
  await createClient({ baseUrl: post.baseUrl }).post('/api/v1/permissions/check', check);
  expect(post.seen).toHaveLength(2);
  expect(new Set(post.seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  expect(post.seen.map(({ body }) => JSON.parse(body))).toEqual([check.body, check.body]);
});

test('attempts are bounded, and the last failure is what the caller gets', async () => {
  const always = await serve(busy);
  const { get } = createClient({ baseUrl: always.baseUrl });
  await expect(get('/api/v1/users/{id}', user)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 0 });
  expect(always.seen).toHaveLength(3);

  const never = await serve(busy);
  const unrepeated = createClient({ baseUrl: never.baseUrl, maxRetries: 0 });
  await expect(unrepeated.get('/api/v1/users/{id}', user)).rejects.toBeInstanceOf(ApiFailure);
  expect(never.seen).toHaveLength(1);

  const gone = await serve(cut);
  await expect(
    createClient({ baseUrl: gone.baseUrl }).get('/api/v1/users/{id}', user),
  ).rejects.toBeInstanceOf(ConnectionFailure);
  expect(gone.seen).toHaveLength(3);
});

test('what a repetition could do twice, or could not help, is sent once', async () => {
  const { seen, baseUrl } = await serve(busy);
  const { patch, post, ...client } = createClient({ baseUrl });
  await expect(patch('/api/v1/users/{id}', { ...user, body: { name: 'A' } })).rejects.toThrow('Busy.');
  await expect(client.delete('/api/v1/users/{id}', user)).rejects.toThrow('Busy.');
  const unkeyed = { ...check, headers: { 'Idempotency-Key': null } };
  await expect(post('/api/v1/permissions/check', unkeyed)).rejects.toThrow('Busy.');
  expect(seen).toHaveLength(3);

  const faulty = await serve(failure(500, { code: 'INTERNAL_ERROR', message: 'Ours.' }));
  await expect(createClient({ baseUrl: faulty.baseUrl }).get('/api/v1/users/{id}', user)).rejects.toThrow(
    'Ours.',
  );
  expect(faulty.seen).toHaveLength(1);
});

test('a Retry-After beyond the limit is handed to the caller at once', async () => {
  const { seen, baseUrl } = await serve(
    failure(429, { code: 'RATE_LIMIT_EXCEEDED', message: 'Slower.' }, { 'retry-after': '60' }),
  );
  const startMs = performance.now();
  await expect(createClient({ baseUrl }).get('/api/v1/users/{id}', user)).rejects.toMatchObject({
    code: 'RATE_LIMIT_EXCEEDED',
    retryAfterSeconds: 60,
  });
  expect(seen).toHaveLength(1);
  expect(performance.now() - startMs).toBeLessThan(10_000);
});

test('no answer in time is a broken connection; the caller’s own abort is not', async () => {
  const { seen, baseUrl } = await serve(() => undefined);
  const client = createClient({ baseUrl, timeoutSeconds: 0.1, maxRetries: 1 });
  await expect(client.get('/api/v1/users/{id}', user)).rejects.toThrow('no answer within 0.1 s');
  expect(seen).toHaveLength(2);
  const abort = new AbortController();
  const aborted = createClient({ baseUrl }).get('/api/v1/users/{id}', { ...user, signal: abort.signal });
  await expect.poll(() => seen.length).toBe(3);
  abort.abort(new Error('changed my mind'));
  await expect(aborted).rejects.toThrow('changed my mind');
  expect(seen).toHaveLength(3);
});

test('paginate gives every item, by cursor where there is one and by page where not', async () => {
  const page = (data: unknown[], more: object) => success(data, { pagination: more });
  const byCursor = await serve(
    page([1, 2], { page: 1, hasNextPage: true, nextCursor: 'c+/=' }),
    page([3], { page: 2, hasNextPage: false, nextCursor: null }),
  );
  const users = createClient({ baseUrl: byCursor.baseUrl }).paginate('/api/v1/users', {
    params: { query: { page: 1, pageSize: 2 } },
  });
  expect(await collect(users)).toEqual([1, 2, 3]);
  expect(byCursor.seen.map(({ url }) => url)).toEqual([
    '/api/v1/users?page=1&pageSize=2',
    '/api/v1/users?pageSize=2&cursor=c%2B%2F%3D',
  ]);

  const byPage = await serve(
    page(['a'], { page: 1, hasNextPage: true, nextCursor: null }),
    page(['b'], { page: 2, hasNextPage: false, nextCursor: null }),
  );
  const roles = createClient({ baseUrl: byPage.baseUrl }).paginate('/api/v1/roles');
  expect(await collect(roles)).toEqual(['a', 'b']);
  expect(byPage.seen.map(({ url }) => url)).toEqual(['/api/v1/roles', '/api/v1/roles?page=2']);
});

test('paginate asks for a page only when its items are wanted', async () => {
  const { seen, baseUrl } = await serve(
    success([1, 2], { pagination: { page: 1, hasNextPage: true, nextCursor: 'c' } }),
  );
  for await (const _ of createClient({ baseUrl }).paginate('/api/v1/users')) break;
  expect(seen).toHaveLength(1);
});
