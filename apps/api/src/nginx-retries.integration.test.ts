/** What the front door asks another instance for, when one took a request and was gone before it answered. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failure } from './envelope.ts';
import { HTTP_PORT, startNginx } from './testing/nginx.ts';

/** What an instance does when it has read a request: break off, as when it is killed, or say that it can't serve. */
type Fault = 'breaks off' | 'busy';
interface Trouble {
  readonly fault: Fault;
  /** Of every instance, not only of the first that is asked. */
  readonly isEverywhere?: boolean;
}
interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

/** By the request's id, in order, of all instances. */
const seen = new Map<string, Seen[]>();

/** An instance that answers with what it read, or breaks the connection off as a killed one does. */
async function startInstance(): Promise<Server> {
  const server = createServer(async (request, response) => {
    const id = String(request.headers['x-request-id']);
    const times = seen.get(id) ?? [];
    seen.set(id, times);
    const { method, url } = request;
    times.push({ method, url, body: await text(request) });
    const { fault, isEverywhere = false }: Trouble = JSON.parse(String(request.headers['x-trouble']));
    if (!isEverywhere && times.length > 1) response.end('done');
    else if (fault === 'breaks off') request.socket.destroy();
    else response.writeHead(503).end(`busy ${times.length}`);
  });
  server.listen(0);
  await once(server, 'listening');
  return server;
}

let instances: Server[];
let nginx: StartedTestContainer;
beforeAll(async () => {
  instances = [await startInstance(), await startInstance(), await startInstance()];
  nginx = await startNginx({
    attachmentsMaxBytes: 2_097_152,
    apps: instances.map((instance) => (instance.address() as AddressInfo).port),
  });
});
afterAll(async () => {
  await nginx.stop();
  for (const instance of instances) instance.close();
});

async function ask(
  method: string,
  options: Partial<Trouble> & { key?: string; body?: string; path?: string },
) {
  const { fault = 'breaks off', isEverywhere = false, key, body } = options;
  const id = randomUUID();
  const url = `http://127.0.0.1:${nginx.getMappedPort(HTTP_PORT)}${options.path ?? '/api/v1/users?a=b'}`;
  const answer = await fetch(url, {
    method,
    headers: {
      'x-request-id': id,
      'x-trouble': JSON.stringify({ fault, isEverywhere }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body !== undefined && { body }),
  });
  return { status: answer.status, text: await answer.text(), seen: seen.get(id) ?? [] };
}

test.each(['breaks off', 'busy'] as const)(
  'a GET is asked again where the first instance %s',
  async (fault) => {
    const { status, text: body, seen: times } = await ask('GET', { fault });
    expect([status, body, times.length]).toEqual([200, 'done', 2]);
  },
);

test.each([
  ['a small body', '/api/v1/users?a=b', 1_000, 'breaks off'],
  ['a body that nginx keeps on disk', '/api/v1/users?a=b', 500_000, 'breaks off'],
  ['emails with attachments', '/api/v1/emails', 3_000_000, 'breaks off'],
  ['of an instance that is busy', '/api/v1/emails', 1_000, 'busy'],
] as const)('a POST with an Idempotency-Key is asked again, whole: %s', async (_what, path, bytes, fault) => {
  const body = 'x'.repeat(bytes);
  const { status, seen: times } = await ask('POST', { key: 'k-1', path, body, fault });
  expect(status).toBe(200);
  expect(times).toEqual([
    { method: 'POST', url: path, body },
    { method: 'POST', url: path, body },
  ]);
});

test.each([
  ['POST', {}],
  ['POST', { key: '' }],
  // The contract knows keys of a POST only.
  ['PATCH', { key: 'k-1' }],
])('a %s of which nobody knows whether it was done is not: %o', async (method, { key }: { key?: string }) => {
  const answer = await ask(method, { body: '{}', ...(key !== undefined && { key }) });
  expect(answer.status).toBe(503);
  expect(failure.parse(JSON.parse(answer.text)).error.code).toBe('SERVICE_UNAVAILABLE');
  expect(answer.seen).toHaveLength(1);
});

test('when every instance breaks off, the answer is the envelope’s', async () => {
  const answer = await ask('POST', { key: 'k-1', body: '{}', isEverywhere: true });
  expect(answer.status).toBe(503);
  expect(failure.parse(JSON.parse(answer.text)).error.code).toBe('SERVICE_UNAVAILABLE');
  // The three that nginx knew, and two of those that it knows then: the list may have changed meanwhile.
  expect(answer.seen).toHaveLength(5);
});

test('when every instance is busy, the answer is the last one’s', async () => {
  const answer = await ask('GET', { fault: 'busy', isEverywhere: true });
  expect([answer.status, answer.text]).toEqual([503, 'busy 3']);
});
