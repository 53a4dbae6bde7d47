import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { itemEndpoint } from './endpoint/endpoint.ts';
import { failure } from './envelope.ts';
import { ERROR_STATUS } from './errors.ts';
import { startTestApi } from './testing/api.ts';

const brokenEndpoint = itemEndpoint({
  method: 'get',
  path: '/api/v1/test/broken',
  operationId: 'broken',
  summary: 'Throws',
  tag: 'test',
  access: 'public',
  status: 200,
  data: z.strictObject({}),
  handle: async () => {
    throw new TypeError('a bug that knows a password: hunter2');
  },
});

const json = { 'content-type': 'application/json' };
const login = '/api/v1/auth/login';
const REFUSALS: [
  string,
  string,
  string,
  { headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> },
  string,
][] = [
  ['an unknown route', 'GET', '/nothing/here', {}, 'NOT_FOUND'],
  ['an unknown route under the API', 'POST', '/api/v1/nothing', { headers: json, body: '{' }, 'NOT_FOUND'],
  ['a method that a route does not have', 'DELETE', '/api/v1/users', {}, 'NOT_FOUND'],
  ['metrics, which are on another port', 'GET', '/metrics', {}, 'NOT_FOUND'],
  ['a body that is not JSON', 'POST', login, { headers: json, body: '{"email":' }, 'VALIDATION_ERROR'],
  ['a body that is no object', 'POST', login, { headers: json, body: '"text"' }, 'VALIDATION_ERROR'],
  ['a body that is an array', 'POST', login, { headers: json, body: '[]' }, 'VALIDATION_ERROR'],
  ['an empty body', 'POST', login, { headers: json, body: '' }, 'VALIDATION_ERROR'],
  ['no body', 'POST', login, {}, 'VALIDATION_ERROR'],
  [
    'a body over 1 MB',
    'POST',
    login,
    { headers: json, body: JSON.stringify({ email: 'x'.repeat(3_000_000) }) },
    'VALIDATION_ERROR',
  ],
  [
    'a form',
    'POST',
    login,
    { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'email=a' },
    'VALIDATION_ERROR',
  ],
  [
    'an unknown charset',
    'POST',
    login,
    { headers: { 'content-type': 'application/json; charset=latin1' }, body: '{}' },
    'VALIDATION_ERROR',
  ],
  [
    'a compressed body',
    'POST',
    login,
    { headers: { ...json, 'content-encoding': 'gzip' }, body: new Uint8Array([31, 139]) },
    'VALIDATION_ERROR',
  ],
  ['a path that cannot be decoded', 'GET', '/api/v1/users/%E0%A4%A', {}, 'VALIDATION_ERROR'],
  ['no credential', 'GET', '/api/v1/users', {}, 'AUTHENTICATION_ERROR'],
  [
    'a session that is not one',
    'GET',
    '/api/v1/users',
    { headers: { authorization: 'Bearer nonsense' } },
    'SESSION_ERROR',
  ],
  [
    'an empty bearer',
    'GET',
    '/api/v1/users',
    { headers: { authorization: 'Bearer ' } },
    'AUTHENTICATION_ERROR',
  ],
  [
    'a cookie that is not ours',
    'GET',
    '/api/v1/users',
    { headers: { cookie: 'sv.session_token=abc.def' } },
    'SESSION_ERROR',
  ],
  [
    'an API key that is not one',
    'GET',
    '/api/v1/users',
    { headers: { 'x-api-key': 'sv_nonsense' } },
    'AUTHENTICATION_ERROR',
  ],
  [
    'an API key of 10 kB',
    'GET',
    '/api/v1/users',
    { headers: { 'x-api-key': 'x'.repeat(10_000) } },
    'AUTHENTICATION_ERROR',
  ],
  ['a fault of our own', 'GET', '/api/v1/test/broken', {}, 'INTERNAL_ERROR'],
];

describe('every error is in the envelope, with its code’s status and without a stack', () => {
  test.each(REFUSALS)('%s', async (_name, method, path, init, code) => {
    const api = await startTestApi({ more: [brokenEndpoint] });
    const response = await fetch(api.url + path, { method, ...init });
    const body = await response.text();
    const { error, meta } = failure.parse(JSON.parse(body));
    expect(error.code).toBe(code);
    expect(meta.requestId).toBe(response.headers.get('x-request-id'));
    expect(body).not.toMatch(/hunter2|node_modules|\.ts:\d|at \w+ \(/);
    expect(response.status).toBe(ERROR_STATUS[error.code]);
    expect(response.headers.get('www-authenticate')).toBe(response.status === 401 ? 'Bearer' : null);
  });

  test('what is not HTTP', async () => {
    const api = await startTestApi();
    const socket = connect(api.server.port, '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(failure.parse(JSON.parse(body)).error.code).toBe('VALIDATION_ERROR');
  });

  test('a database that is away', async () => {
    const api = await startTestApi({ databaseUrl: 'postgres://sv_app:x@127.0.0.1:1/none' });
    const answer = await api.call('GET', '/api/v1/users', { token: 'a-session' });
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'SERVICE_UNAVAILABLE' } } });
  });
});

test('after a body over 1 MB the connection serves the next request', async () => {
  const api = await startTestApi();
  for (let round = 0; round < 3; round += 1) {
    const body = 'x'.repeat(2_000_000);
    expect((await api.call('POST', login, { body })).status).toBe(400);
    expect((await api.call('GET', '/health/live')).status).toBe(200);
  }
});

describe('the request id', () => {
  test('of nginx goes through, into the answer and the log', async () => {
    const api = await startTestApi();
    const id = '0123456789abcdef0123456789abcdef';
    const answer = await api.call('GET', '/api/v1/users', { headers: { 'x-request-id': id } });
    expect(answer.headers.get('x-request-id')).toBe(id);
    expect(answer.body.meta.requestId).toBe(id);
    expect(api.log).toContainEqual(
      expect.objectContaining({ requestId: id, route: '/api/v1/users', status: 401 }),
    );
  });

  test.each(['short', 'x'.repeat(65), 'with space inside', '{"injected":"json"}', 'a"b"c"d"e"f'])(
    '%j is replaced by one of ours',
    async (id) => {
      const api = await startTestApi();
      const answer = await api.call('GET', '/api/v1/users', { headers: { 'x-request-id': id } });
      expect(answer.body.meta.requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
    },
  );
});

test('a fault of our own is in the log with its stack, and the answer has its request id', async () => {
  const api = await startTestApi({ more: [brokenEndpoint] });
  const answer = await api.call('GET', '/api/v1/test/broken');
  const line = api.log.find(({ requestId }) => requestId === answer.body.meta.requestId);
  expect(line).toMatchObject({
    status: 500,
    err: { type: 'TypeError', stack: expect.stringContaining('hunter2') },
  });
});

test('one log line a request, without address, token, body or query', async () => {
  const api = await startTestApi();
  const { user, token } = await api.addCaller('admin');
  api.log.length = 0;
  await api.call('GET', '/api/v1/users?search=somebody@example.org', { token });
  await api.call('POST', '/api/v1/auth/login', { body: { email: user.email, password: 'a wrong password' } });
  expect(api.log.filter(({ msg }) => msg === 'request')).toHaveLength(2);
  expect(api.log[0]).toMatchObject({
    route: '/api/v1/users',
    status: 200,
    userId: user.id,
    durationMs: expect.any(Number),
  });
  expect(JSON.stringify(api.log)).not.toMatch(/@example\.org|127\.0\.0\.1|a wrong password/);
  expect(JSON.stringify(api.log)).not.toContain(token);
});

test('metrics are counted by pattern, and unknown paths together', async () => {
  const api = await startTestApi();
  await api.call('GET', '/api/v1/users/one');
  await api.call('GET', '/api/v1/users/two');
  await api.call('GET', '/api/v1/nothing/1');
  await api.call('GET', '/api/v1/nothing/2');
  const metrics = await api.registry.metrics();
  expect(metrics).toContain(
    'sv_http_requests_total{method="GET",route="/api/v1/users/:id",status_class="4xx"} 2',
  );
  expect(metrics).toContain('sv_http_requests_total{method="GET",route="unmatched",status_class="4xx"} 2');
  expect(metrics).toContain(
    'sv_http_request_duration_seconds_bucket{le="0.1",method="GET",route="/api/v1/users/:id"',
  );
  expect(metrics).toMatch(/sv_http_requests_in_flight [01]\n/);
});
