/** What is not as it should be, sent as bytes where no client would send it. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { users } from '@sv-sdk/db';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { itemEndpoint } from './endpoint/endpoint.ts';
import { failure } from './envelope.ts';
import { startTestApi } from './testing/api.ts';
import { exchange, jsonHeaders, manyHeaders, rawRequest } from './testing/raw-http.ts';

const LOGIN = '/api/v1/auth/login';
const SIGN_UP = '/api/v1/auth/signup';

const post = (body: string, headers = jsonHeaders(body)) =>
  rawRequest(`POST ${LOGIN} HTTP/1.1`, headers, body);

const BROKEN: [name: string, bytes: string, code: string, field?: string][] = [
  ['no HTTP', 'NONSENSE\r\n\r\n', 'VALIDATION_ERROR'],
  ['HTTP/2 where HTTP/1 is spoken', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'VALIDATION_ERROR'],
  ['TLS where there is none', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'VALIDATION_ERROR'],
  ['no Host', `GET ${LOGIN} HTTP/1.1\r\nConnection: close\r\n\r\n`, 'VALIDATION_ERROR', 'Host'],
  ['a method that nobody knows', rawRequest(`BREW ${LOGIN} HTTP/1.1`), 'VALIDATION_ERROR'],
  ['a method that no route has', rawRequest('PROPFIND /api/v1/users HTTP/1.1'), 'NOT_FOUND'],
  ['TRACE', rawRequest('TRACE / HTTP/1.1'), 'NOT_FOUND'],
  ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', 'NOT_FOUND'],
  ['a protocol to change to', rawRequest('GET /nothing HTTP/1.1', ['Upgrade: websocket']), 'NOT_FOUND'],
  [
    'an expectation that we do not meet',
    rawRequest(`POST ${LOGIN} HTTP/1.1`, ['Expect: 200-ok']),
    'VALIDATION_ERROR',
    'Expect',
  ],
  ['121 headers', rawRequest('GET / HTTP/1.1', manyHeaders(119)), 'VALIDATION_ERROR'],
  ['3000 headers', rawRequest('GET / HTTP/1.1', manyHeaders(3000)), 'VALIDATION_ERROR'],
  ['a header of 40 kB', rawRequest('GET / HTTP/1.1', [`X-Long: ${'x'.repeat(40_000)}`]), 'VALIDATION_ERROR'],
  ['an address of 9 kB', rawRequest(`GET /?${'x'.repeat(9_000)} HTTP/1.1`), 'VALIDATION_ERROR'],
  ['an address of 40 kB', rawRequest(`GET /?${'x'.repeat(40_000)} HTTP/1.1`), 'VALIDATION_ERROR'],
  ['a control character in a header', rawRequest('GET / HTTP/1.1', ['X-A: a\x01b']), 'VALIDATION_ERROR'],
  ['a space in the address', rawRequest('GET /a b HTTP/1.1'), 'VALIDATION_ERROR'],
  ['a path that cannot be decoded', rawRequest('GET /api/v1/users/%zz HTTP/1.1'), 'VALIDATION_ERROR'],
  [
    'two lengths of the body',
    post('{}', ['Content-Type: application/json', 'Content-Length: 2', 'Content-Length: 3']),
    'VALIDATION_ERROR',
  ],
  [
    'a length and chunks',
    post('2\r\n{}\r\n0\r\n\r\n', [...jsonHeaders('{}'), 'Transfer-Encoding: chunked']),
    'VALIDATION_ERROR',
  ],
  [
    'a chunk that is none',
    post('zz\r\n{}\r\n', ['Content-Type: application/json', 'Transfer-Encoding: chunked']),
    'VALIDATION_ERROR',
  ],
  [
    'a body in chunks of more than 1 MB',
    post(`200000\r\n${'x'.repeat(0x200000)}\r\n0\r\n\r\n`, [
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    ]),
    'VALIDATION_ERROR',
  ],
  ['no Content-Type', post('{}', ['Content-Length: 2']), 'VALIDATION_ERROR', 'Content-Type'],
];

test.each(BROKEN)('%s is answered in the envelope, once', async (_name, bytes, code, field) => {
  const api = await startTestApi();
  const answers = await exchange(api.server.port, bytes);
  expect(answers).toHaveLength(1);
  const [answer] = answers;
  const { error, meta } = failure.parse(JSON.parse(answer?.body ?? ''));
  expect(error).toMatchObject({ code, ...(field !== undefined && { field }) });
  expect(answer?.status).toBe(code === 'NOT_FOUND' ? 404 : 400);
  expect(answer?.head).toContain(`X-Request-Id: ${meta.requestId}`);
});

test('120 headers, and an address of 8192 characters, are taken', async () => {
  const api = await startTestApi();
  const line = `GET /health/live?${'x'.repeat(8_192 - '/health/live?'.length)} HTTP/1.1`;
  const [answer] = await exchange(api.server.port, rawRequest(line, manyHeaders(118)));
  expect(answer?.status).toBe(200);
});

test('a request that is broken, behind one that is not, takes no answer from it', async () => {
  let release: (() => void) | undefined;
  const entered = Promise.withResolvers<void>();
  const slow = itemEndpoint({
    method: 'get',
    path: '/api/v1/test/slow',
    operationId: 'slow',
    summary: 'Waits',
    tag: 'test',
    access: 'public',
    status: 200,
    data: z.strictObject({}),
    handle: async () => {
      const released = Promise.withResolvers<void>();
      release = released.resolve;
      entered.resolve();
      await released.promise;
      return {};
    },
  });
  const api = await startTestApi({ more: [slow] });
  const socket = connect(api.server.port, '127.0.0.1');
  const received = text(socket).catch(() => '');
  socket.write('GET /api/v1/test/slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await entered.promise;
  socket.write('NONSENSE\r\n\r\n');
  expect(await received).toBe('');
  release?.();
});

test('a client that goes away in the middle of its body leaves nothing behind', async () => {
  const api = await startTestApi();
  const body = JSON.stringify({ email: 'ada@example.org', name: 'Ada', password: 'correct horse battery' });
  const socket = connect(api.server.port, '127.0.0.1');
  socket.write(rawRequest(`POST ${SIGN_UP} HTTP/1.1`, jsonHeaders(body), body.slice(0, -1)));
  await expect.poll(async () => (await api.registry.metrics()).match(/in_flight 1/)).not.toBeNull();
  socket.destroy();
  await expect.poll(() => api.log.find(({ aborted }) => aborted)).toBeDefined();
  expect(await api.db.write().select().from(users)).toEqual([]);
  expect(api.log.filter(({ level }) => level === 'error')).toEqual([]);
});

describe('a body', () => {
  const FIELDS = '"email":"ada@example.org","name":"Ada","password":"correct horse battery"';
  test.each([
    ['is nested a hundred thousand deep', `{"name":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 'name'],
    ['is an object in an object, a hundred thousand times', `${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`, 'a'],
    ['names __proto__', `{${FIELDS},"__proto__":{"role":"admin"}}`, '__proto__'],
    ['names __proto__ within', `{"email":{"__proto__":{}}}`, 'email.__proto__'],
    ['names constructor', `{${FIELDS},"constructor":{"prototype":{"role":"admin"}}}`, 'constructor'],
    ['has a NUL', `{${FIELDS.replace('Ada', 'A\\u0000')}}`, 'name'],
    ['has half a character', `{${FIELDS.replace('Ada', 'A\\ud800')}}`, 'name'],
    ['has a field twice, of which the second counts', `{${FIELDS},"name":7}`, 'name'],
    ['has a number beyond all numbers', `{${FIELDS.replace('"Ada"', '1e999')}}`, 'name'],
    ['is null', 'null', 'body'],
    ['has a field too many', `{${FIELDS},"isAdmin":true}`, 'isAdmin'],
  ])('that %s is refused by the field’s name', async (_what, body, field) => {
    const api = await startTestApi();
    const answer = await api.call('POST', SIGN_UP, { body });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
    expect(await api.db.write().select().from(users)).toEqual([]);
  });

  test.each([
    [
      '70,000 unknown fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 7e4 }, (_, n) => [`f${n}`, 1]))),
    ],
    ['a field with a name of 900 kB', JSON.stringify({ ['x'.repeat(9e5)]: 1 })],
  ])('with %s gets a short answer', async (_what, body) => {
    const api = await startTestApi();
    const answer = await api.call('POST', SIGN_UP, { body });
    expect(answer.status).toBe(400);
    expect(answer.body.error.details.length).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body).length).toBeLessThan(10_000);
  });
});

test.each([
  ['page=1&page=2', 'page'],
  ['search=a&search=b', 'search'],
  ['search=%00', 'search'],
  ['page[0]=1', 'page[0]'],
  ['__proto__=1', '__proto__'],
  ['pageSize=101', 'pageSize'],
  ['page=-1', 'page'],
  ['page=1e3', 'page'],
])('the query %s is refused by the parameter’s name', async (query, field) => {
  const api = await startTestApi();
  const { token } = await api.addCaller('admin');
  const answer = await api.call('GET', `/api/v1/users?${query}`, { token });
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field } } });
});

test.each(['%00', '%2e%2e%2f', 'x'.repeat(65), '%F0%9F%92%A9', "'%20or%201=1"])(
  'the id %s is refused by its name',
  async (id) => {
    const api = await startTestApi();
    const { token } = await api.addCaller('admin');
    const answer = await api.call('GET', `/api/v1/users/${id}`, { token });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR', field: 'id' } } });
  },
);
