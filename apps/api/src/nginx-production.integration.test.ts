/** The front door as the world sees it: TLS, its certificate, the way from HTTP, whose address counts, operators' pages. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json, text } from 'node:stream/consumers';
import { connect, type SecureVersion } from 'node:tls';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Issued, issue } from '../../../test/harness/certificates.ts';
import { failure } from './envelope.ts';
import { HTTP_PORT, HTTPS_PORT, REDIRECT_PORT, startNginx } from './testing/nginx.ts';

const DOMAIN = 'api.sv.test';
const DAY_MS = 86_400_000;
/** Docker's own networks, from one of which this process comes. */
const THIS_HOST = '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16';

/** Answers with what it was asked. To whom operators' pages are open it is told by the request itself. */
async function startApp(): Promise<Server> {
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const status = url === '/admin/access' ? Number(headers['x-access'] ?? 401) : 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify({ method, url, headers }));
  });
  server.listen(0);
  await once(server, 'listening');
  return server;
}

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

let app: Server;
let closed: StartedTestContainer;
let open: StartedTestContainer;
beforeAll(async () => {
  app = await startApp();
  const options = { attachmentsMaxBytes: 2_097_152, apps: [(app.address() as AddressInfo).port] };
  [closed, open] = await Promise.all([
    startNginx({ ...options, production: { DOMAIN } }),
    startNginx({
      ...options,
      production: { DOMAIN, HTTPS_PORT: '18443', OPERATORS_PAGES: 'on', TRUSTED_PROXIES: THIS_HOST },
    }),
  ]);
});
afterAll(async () => {
  await Promise.all([closed?.stop(), open?.stop()]);
  app?.close();
});

async function ask(
  nginx: StartedTestContainer,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const request = requestHttps({
    host: '127.0.0.1',
    port: nginx.getMappedPort(HTTPS_PORT),
    servername: DOMAIN,
    path,
    method: options.method ?? 'GET',
    headers: { host: DOMAIN, ...options.headers },
    rejectUnauthorized: false,
    agent: false,
  });
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(response);
  return { status: response.statusCode, headers: response.headers, body };
}

const codeOf = (body: string) => failure.parse(JSON.parse(body)).error.code;
const echoOf = ({ body }: { body: string }) => JSON.parse(body) as Echo;

/** A handshake; its protocol, cipher and certificate. */
async function shakeHands(
  nginx: StartedTestContainer,
  options: { version?: SecureVersion; ciphers?: string; ALPNProtocols?: string[] } = {},
) {
  const { version, ...rest } = options;
  const socket = connect({
    host: '127.0.0.1',
    port: nginx.getMappedPort(HTTPS_PORT),
    servername: DOMAIN,
    rejectUnauthorized: false,
    ...(version !== undefined && { minVersion: version, maxVersion: version }),
    ...rest,
  });
  try {
    await once(socket, 'secureConnect');
    const certificate = new X509Certificate(socket.getPeerCertificate().raw);
    return { protocol: socket.getProtocol(), alpn: socket.alpnProtocol, certificate };
  } finally {
    socket.destroy();
  }
}

describe('TLS', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is spoken', async (version) => {
    expect((await shakeHands(closed, { version })).protocol).toBe(version);
  });

  test.each<[string, { version: SecureVersion; ciphers: string }]>([
    ['TLS 1.1', { version: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ['a cipher without forward secrecy', { version: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
    ['a cipher in CBC mode', { version: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }],
  ])('%s is refused', async (_what, options) => {
    await expect(shakeHands(closed, options)).rejects.toThrow();
  });

  test('HTTP/2 is chosen by who can, and an answer comes through it; HTTP/1.1 by the others', async () => {
    expect((await shakeHands(closed, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('h2');
    expect((await shakeHands(closed, { ALPNProtocols: ['http/1.1'] })).alpn).toBe('http/1.1');
    const session = connectHttp2(`https://127.0.0.1:${closed.getMappedPort(HTTPS_PORT)}`, {
      servername: DOMAIN,
      rejectUnauthorized: false,
    });
    const stream = session.request({ ':path': '/api/v1/users?a=b', ':authority': DOMAIN });
    const echo = (await json(stream)) as Echo;
    session.close();
    expect(echo).toMatchObject({ method: 'GET', url: '/api/v1/users?a=b', headers: { host: DOMAIN } });
    expect(echo.headers['x-forwarded-proto']).toBe('https');
  });

  test('HTTP/3 is offered at the port that the world knows', async () => {
    expect((await ask(open, '/')).headers['alt-svc']).toBe('h3=":18443"; ma=86400');
  });

  test('what nginx answers by itself says that only HTTPS will do, as the app does of its own', async () => {
    const { status, headers, body } = await ask(closed, '/metrics');
    expect(status).toBe(404);
    expect(codeOf(body)).toBe('NOT_FOUND');
    expect(headers['strict-transport-security']).toMatch(/^max-age=31536000/);
    expect(headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('the certificate', () => {
  const put = async (nginx: StartedTestContainer, pem: string) => {
    const file = { content: pem, target: `/certificates/${DOMAIN}.pem`, mode: 0o644 };
    await nginx.copyContentToContainer([file]);
  };
  const fileOf = ({ pem, keyPem }: Issued) => `${pem}\n${keyPem}`;
  const served = async (nginx: StartedTestContainer) => (await shakeHands(nginx)).certificate.fingerprint256;

  test('before the first, nginx serves one of its own, for the domain and for a day at the most', async () => {
    const { certificate } = await shakeHands(open);
    expect(certificate.issuer).toBe('O=SV-SDK placeholder');
    expect(certificate.checkHost(DOMAIN)).toBe(DOMAIN);
    expect(Date.parse(certificate.validTo) - Date.now()).toBeLessThanOrEqual(DAY_MS);
  });

  test('that was issued, and the one that follows it, is in use within seconds', async () => {
    const authority = await issue({ name: 'authority', isAuthority: true });
    for (const days of [1, 90]) {
      const issued = await issue({ name: DOMAIN, issuer: authority, endsInMs: days * DAY_MS });
      const before = await served(closed);
      await put(closed, fileOf(issued));
      await expect.poll(() => served(closed)).not.toBe(before);
      expect(await served(closed)).toBe(issued.certificate.fingerprint256);
    }
  });

  test('that is faulty is told of, and the one before stays', async () => {
    const before = await served(closed);
    const [one, other] = [await issue({ name: DOMAIN }), await issue({ name: DOMAIN })];
    const logged: string[] = [];
    (await closed.logs()).on('data', (lines) => logged.push(String(lines)));
    await put(closed, `${one.pem}\n${other.keyPem}`);
    await expect.poll(() => logged.join('')).toContain(`the new certificate for ${DOMAIN} is faulty`);
    expect(await served(closed)).toBe(before);
  });
});

describe('by HTTP', () => {
  const askHttp = (nginx: StartedTestContainer, path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${nginx.getMappedPort(REDIRECT_PORT)}${path}`, { redirect: 'manual', ...init });

  test('everything leads to HTTPS at the domain, with its method', async () => {
    const answer = await askHttp(closed, '/api/v1/auth/login?a=b', { method: 'POST', body: '{}' });
    expect([answer.status, answer.headers.get('location')]).toEqual([
      308,
      `https://${DOMAIN}/api/v1/auth/login?a=b`,
    ]);
    const other = await askHttp(open, '/', { headers: { host: 'evil.example' } });
    expect(other.headers.get('location')).toBe(`https://${DOMAIN}:18443/`);
  });

  test('an authority finds its proof, and nothing else', async () => {
    await closed.copyContentToContainer([
      { content: 'proof', target: '/challenges/.well-known/acme-challenge/token', mode: 0o644 },
      { content: 'else', target: '/challenges/else', mode: 0o644 },
    ]);
    const proof = await askHttp(closed, '/.well-known/acme-challenge/token');
    expect([proof.status, await proof.text()]).toEqual([200, 'proof']);
    expect((await askHttp(closed, '/.well-known/acme-challenge/none')).status).toBe(404);
    expect((await askHttp(closed, '/.well-known/acme-challenge/%2e%2e/%2e%2e/else')).status).not.toBe(200);
  });
});

describe('the address of a client', () => {
  const addressSeenBy = async (nginx: StartedTestContainer, claimed: string) =>
    echoOf(await ask(nginx, '/', { headers: { 'x-forwarded-for': claimed } })).headers['x-forwarded-for'];

  test('is what a trusted proxy says, from the last to the first that is none', async () => {
    expect(await addressSeenBy(open, '203.0.113.7')).toBe('203.0.113.7');
    expect(await addressSeenBy(open, '203.0.113.66, 198.51.100.4, 10.1.2.3')).toBe('198.51.100.4');
  });

  test('is whom the connection comes from, whatever anybody else says', async () => {
    expect(await addressSeenBy(closed, '203.0.113.7')).not.toContain('203.0.113.7');
  });
});

describe('operators’ pages', () => {
  const PAGES = [
    '/admin',
    '/admin/queues',
    '/admin/sign-in',
    '/api/v1/docs',
    '/api/v1/docs/start.js',
    '/api/v1/openapi.json',
  ];

  test.each([...PAGES, '/admin/grafana/', '/admin/prometheus/graph'])(
    'are not there for the world by default: %s',
    async (path) => {
      const answer = await ask(closed, path, { headers: { 'x-access': '204' } });
      expect(answer.status).toBe(404);
      expect(codeOf(answer.body)).toBe('NOT_FOUND');
    },
  );

  test.each(PAGES)('are there for this machine (an SSH tunnel): %s', async (path) => {
    const answer = await fetch(`http://127.0.0.1:${closed.getMappedPort(HTTP_PORT)}${path}`);
    expect(((await answer.json()) as Echo).url).toBe(path);
  });

  const GUARDED = ['/api/v1/docs', '/api/v1/openapi.json', '/admin/grafana/', '/admin/prometheus/graph'];

  test.each(GUARDED)('that are on lead who is not signed in to where that is done: %s', async (path) => {
    const answer = await ask(open, path, { headers: { 'x-access': '401' } });
    expect([answer.status, answer.headers.location]).toEqual([303, '/admin/sign-in']);
  });

  test.each(GUARDED)('look as if they were not there for who may not see them: %s', async (path) => {
    const answer = await ask(open, path, { headers: { 'x-access': '403' } });
    expect(answer.status).toBe(404);
    expect(codeOf(answer.body)).toBe('NOT_FOUND');
  });

  test('are shown to who may, a body included', async () => {
    const shown = await ask(open, '/api/v1/docs', { headers: { 'x-access': '204' } });
    expect(echoOf(shown).url).toBe('/api/v1/docs');
  });

  test('that are down say so; a request with a body is asked about without it', async () => {
    const body = 'query=up';
    const answer = await ask(open, '/admin/prometheus/api/v1/query', {
      method: 'POST',
      headers: { 'x-access': '204', 'content-length': String(body.length) },
      body,
    });
    expect(answer.status).toBe(503);
    expect(codeOf(answer.body)).toBe('SERVICE_UNAVAILABLE');
  });

  test('the queue’s board and the page to sign in ask by themselves', async () => {
    expect(echoOf(await ask(open, '/admin/queues', { headers: { 'x-access': '401' } })).url).toBe(
      '/admin/queues',
    );
    expect(echoOf(await ask(open, '/admin/sign-in')).url).toBe('/admin/sign-in');
  });

  test('nobody is told from outside who may see them', async () => {
    expect((await ask(open, '/nginx-operator')).status).toBe(404);
  });
});
