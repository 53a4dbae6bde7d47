import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { issue } from '../../test/harness/certificates.ts';
import { runClosed } from './closed.ts';
import { keptHttp1, keptHttp2, runLanes } from './kept.ts';
import { runOpen } from './open.ts';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const isExpected = (body: string) => body === 'yes';

test('a run with only expected answers counts', async () => {
  const url = await serve((_request, response) => response.end('yes'));
  const closed = await runClosed({ url, isExpected }, { connections: 2, seconds: 1 });
  expect(closed.fault).toBeUndefined();
  expect(closed.perSecond).toBeGreaterThan(10);
  expect(closed.latency.p50Ms).toBeGreaterThan(0);
  expect(closed.latency.p99Ms).toBeGreaterThanOrEqual(closed.latency.p50Ms);

  const open = await runOpen(() => ({ url, isExpected }), { ratePerSecond: 50, seconds: 1 });
  expect(open.fault).toBeUndefined();
  expect(open.perSecond).toBeGreaterThan(25);
});

test('one unexpected answer is a fault of the whole run', async () => {
  let count = 0;
  const url = await serve((_request, response) => {
    count += 1;
    if (count % 20 === 0) response.end('no');
    else response.end('yes');
  });
  const closed = await runClosed({ url, isExpected }, { connections: 2, seconds: 1 });
  expect(closed.fault).toContain('of another content');
  const open = await runOpen(() => ({ url, isExpected }), { ratePerSecond: 50, seconds: 1 });
  expect(open.fault).toContain('answered with 200: no');
});

test('a refusal is a fault of the whole run', async () => {
  const url = await serve((_request, response) => {
    response.statusCode = 503;
    response.end('yes');
  });
  const closed = await runClosed({ url, isExpected }, { connections: 1, seconds: 1 });
  expect(closed.fault).toContain('nothing was answered');
  const open = await runOpen(() => ({ url, isExpected }), { ratePerSecond: 50, seconds: 1 });
  expect(open.fault).toContain('answered with 503');
});

test('in the open model a request is sent when it is due, and not with the next', async () => {
  const url = await serve((_request, response) => response.end('yes'));
  const { latency } = await runOpen(() => ({ url, isExpected }), { ratePerSecond: 1, seconds: 2 });
  expect(latency.maxMs).toBeLessThan(900);
});

test('in the open model a stall shows in the time of everything that was due meanwhile', async () => {
  let isFirst = true;
  const url = await serve(async (_request, response) => {
    if (isFirst) {
      isFirst = false;
      const end = performance.now() + 500;
      while (performance.now() < end); // Nobody else is served either.
    }
    await delay(1);
    response.end('yes');
  });
  const { latency } = await runOpen(() => ({ url, isExpected }), { ratePerSecond: 50, seconds: 1 });
  expect(latency.p50Ms).toBeLessThan(500);
  expect(latency.maxMs).toBeGreaterThan(400);
  expect(latency.distribution.find(({ percentile }) => percentile === 75)?.ms).toBeGreaterThan(100);
});

test('kept connections: one for each lane by each protocol, and one unexpected answer is a fault of the run', async () => {
  const { pem, keyPem } = await issue({ name: 'bench.sv.test' });
  const seen = new Set<string>();
  let connections = 0;
  let answer = 'yes';
  const server = createSecureServer({ cert: pem, key: keyPem, allowHTTP1: true }, (request, response) => {
    seen.add(request.httpVersion);
    response.end(answer);
  }).listen(0, '127.0.0.1');
  server.on('secureConnection', () => {
    connections += 1;
  });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const ask = { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`, isExpected };
  const tls = { servername: 'bench.sv.test', ca: pem, minVersion: 'TLSv1.3' } as const;
  for (const [version, open] of [
    ['1.1', keptHttp1(ask, tls)],
    ['2.0', keptHttp2(ask, tls)],
  ] as const) {
    seen.clear();
    connections = 0;
    answer = 'yes';
    const run = await runLanes(open, { lanes: 2, seconds: 0.2 });
    expect(run.fault).toBeUndefined();
    expect(run.served).toBeGreaterThan(4);
    expect([[...seen], connections]).toEqual([[version], 2]);
    answer = 'no';
    expect((await runLanes(open, { lanes: 1, seconds: 0.2 })).fault).toContain('answered with 200: no');
  }
});
