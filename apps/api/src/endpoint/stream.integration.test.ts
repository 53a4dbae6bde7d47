import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { failure } from '../envelope.ts';
import { ApiError } from '../errors.ts';
import { createOpenApiDocument } from '../openapi.ts';
import { startTestApi } from '../testing/api.ts';
import { streamEndpoint } from './endpoint.ts';

const PATH = '/api/v1/test/stream';

function streaming(chunks: () => AsyncIterable<string | Buffer>) {
  return streamEndpoint({
    path: PATH,
    operationId: 'stream',
    summary: 'Streams',
    tag: 'test',
    access: 'public',
    contentTypes: ['text/csv', 'application/json'],
    status: 200,
    errors: ['NOT_FOUND'],
    handle: async () => ({
      contentType: 'text/csv; charset=utf-8',
      filename: 'audit "1".csv',
      chunks: chunks(),
    }),
  });
}

const startWith = (chunks: () => AsyncIterable<string | Buffer>) =>
  startTestApi({ more: [streaming(chunks)] });

/** The head of the answer; its body waits until it is read. */
async function request(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  return response;
}

test('texts and bytes arrive in their order, as a file', async () => {
  const api = await startWith(async function* () {
    yield 'id,name\r\n';
    yield Buffer.from('1,Ädä\r\n');
  });
  const answer = await api.call('GET', PATH);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="audit \\"1\\".csv"');
  expect(answer.body).toBe('id,name\r\n1,Ädä\r\n');
});

test('an answer without a chunk is empty, and whole', async () => {
  const api = await startWith(async function* () {});
  expect(await api.call('GET', PATH)).toMatchObject({ status: 200, body: '' });
});

test('what fails before the first chunk is an error in the envelope', async () => {
  // biome-ignore lint/correctness/useYield: it fails before it gets there
  const api = await startWith(async function* () {
    throw new ApiError('NOT_FOUND', 'Nothing to export.');
  });
  const { status, headers, body } = await api.call('GET', PATH);
  expect(status).toBe(404);
  expect(headers.get('content-disposition')).toBeNull();
  expect(failure.parse(body).error.code).toBe('NOT_FOUND');
});

test('what fails after the first chunk cuts the connection, and is in the log', async () => {
  const fail = Promise.withResolvers<void>();
  const api = await startWith(async function* () {
    yield 'one\r\n';
    await fail.promise;
    throw new Error('the database went away');
  });
  const response = await request(api.url + PATH);
  expect(response.statusCode).toBe(200);
  fail.resolve();
  await expect(text(response)).rejects.toThrow('aborted');
  await expect
    .poll(() => api.log.find(({ msg }) => msg === 'request failed'))
    .toMatchObject({ aborted: true, err: { message: 'the database went away' } });
});

test('no more is made than the client takes', async () => {
  const chunk = Buffer.alloc(64 * 1024);
  const wanted = 2000; // 125 MiB
  let made = 0;
  const api = await startWith(async function* () {
    for (; made < wanted; made += 1) yield chunk;
  });
  const response = await request(api.url + PATH);
  // The sockets' buffers fill up; then it stands still.
  let before = -1;
  await vi.waitFor(
    () => {
      const isStill = made === before;
      before = made;
      expect(isStill).toBe(true);
    },
    { interval: 200, timeout: 10_000 },
  );
  expect(made).toBeLessThan(wanted / 2);
  let received = 0;
  for await (const part of response) received += part.length;
  expect(received).toBe(wanted * chunk.length);
});

test('a client that goes away ends the making', async () => {
  const ended = Promise.withResolvers<void>();
  const api = await startWith(async function* () {
    try {
      for (;;) yield 'x'.repeat(64 * 1024);
    } finally {
      ended.resolve();
    }
  });
  const response = await request(api.url + PATH);
  response.destroy();
  await ended.promise;
  await expect.poll(() => api.log.find(({ aborted }) => aborted)).toMatchObject({ status: 200 });
  expect(api.log.filter(({ err }) => err !== undefined)).toEqual([]);
});

test('OpenAPI names its content types', () => {
  const endpoint = streaming(async function* () {});
  const { paths } = createOpenApiDocument([endpoint], { version: '1', cookieName: 'session' });
  expect(paths?.[PATH]?.get?.responses?.['200']).toMatchObject({
    content: { 'text/csv': { schema: { type: 'string' } }, 'application/json': {} },
  });
});
