/**
 * A stack that the world reaches, as docs/operations/production.md has it: refused until its settings are fit for that, with a
 * certificate of a real ACME server (pebble) that is renewed by itself, and with operators' pages behind the login.
 */
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as requestHttps } from 'node:https';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issue } from '../harness/certificates.ts';
import { eventually, query } from './client.ts';
import { servicesOf, writeSettings } from './own-stack.ts';
import { PORT as SMTP_PORT } from './smtp-counter.ts';
import { adminEmail, defineStack } from './stack.ts';

const DOMAIN = 'api.sv.internal';
const PUBLIC = { PUBLIC_HTTP_PORT: '13480', PUBLIC_HTTPS_PORT: '13443' };
const ORIGIN = `https://${DOMAIN}:${PUBLIC.PUBLIC_HTTPS_PORT}`;
const UP = `make up ENV=production DOMAIN=${DOMAIN} ACME_EMAIL=ada@sv.internal`;
/** So short that a test sees the next one; certbot renews when a half, or less, is left. */
const CERTIFICATE_SECONDS = 240;

const stack = defineStack({
  project: 'sv-e2e-production',
  home: 'e2e-production',
  ports: { http: 13400, prometheus: 19490, alertmanager: 19493, grafana: 13401, maildev: 11480 },
});
const { shell, shellOrThrow, urls } = stack;
const pebbleHome = join(dirname(stack.envFile), 'pebble');

const SETTINGS = {
  ...PUBLIC,
  BALANCER_PREFIX: '10.251.102',
  APP_INSTANCES: '1',
  WORKER_INSTANCES: '1',
  COMPOSE_FILE: 'docker-compose.yml:test/e2e/smtp-counter.compose.yml:test/e2e/acme.compose.yml',
  PEBBLE_HOME: pebbleHome,
  ACME_SERVER: 'https://acme.sv.internal:14000/dir',
  ACME_CHECK_SECONDS: '20',
};
const FIT = {
  SMTP_URL: `smtp://smtp-counter:${SMTP_PORT}`,
  EMAIL_FROM: 'SV-SDK <noreply@sv.internal>',
};

/** The server that issues, which itself has a certificate of an authority that only this stack trusts. */
async function preparePebble(): Promise<void> {
  const authority = await issue({ name: 'authority of the ACME server', isAuthority: true });
  const own = await issue({ name: 'acme.sv.internal', issuer: authority });
  mkdirSync(pebbleHome, { recursive: true });
  mkdirSync(stack.secretsDirectory, { recursive: true, mode: 0o700 });
  const secret = join(stack.secretsDirectory, 'acme_ca');
  writeFileSync(secret, authority.pem);
  chmodSync(secret, 0o444);
  writeFileSync(join(pebbleHome, 'certificate.pem'), own.pem);
  writeFileSync(join(pebbleHome, 'key.pem'), own.keyPem);
  const pebble = {
    listenAddress: '0.0.0.0:14000',
    managementListenAddress: '0.0.0.0:15000',
    certificate: '/pebble/certificate.pem',
    privateKey: '/pebble/key.pem',
    // Where nginx listens for the world's port 80.
    httpPort: 8082,
    tlsPort: 8443,
    // The first of its versions before 2.7, the second since.
    certificateValidityPeriod: CERTIFICATE_SECONDS,
    profiles: { default: { description: 'short', validityPeriod: CERTIFICATE_SECONDS } },
  };
  writeFileSync(join(pebbleHome, 'pebble.json'), JSON.stringify({ pebble }));
}

const agent = new Agent({ keepAlive: true });
/** The root that pebble has made up for itself. */
let root: string;

interface Asked {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly serialNumber: string;
  readonly endsAtSeconds: number;
}

/** As a browser asks: the certificate must be good for the domain. */
async function ask(
  path: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: unknown;
    isNewConnection?: boolean;
  } = {},
): Promise<Asked> {
  const request = requestHttps({
    host: '127.0.0.1',
    port: PUBLIC.PUBLIC_HTTPS_PORT,
    servername: DOMAIN,
    ca: root,
    path,
    method: options.method ?? 'GET',
    headers: {
      host: new URL(ORIGIN).host,
      origin: ORIGIN,
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    agent: options.isNewConnection ? false : agent,
  });
  request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const certificate = (response.socket as TLSSocket).getPeerCertificate();
  return {
    status: response.statusCode,
    headers: response.headers,
    body: await text(response),
    serialNumber: certificate.serialNumber,
    endsAtSeconds: Date.parse(certificate.valid_to) / 1000,
  };
}

/** The cookie of a session, as the browser sends it back. */
async function signIn(): Promise<string> {
  const answer = await ask('/api/v1/auth/login', {
    method: 'POST',
    body: { email: adminEmail, password: stack.secret('admin_password') },
  });
  expect(answer.status, answer.body).toBe(200);
  return answer.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
}

const setInFile = (name: string, value: string) => {
  const kept = readFileSync(stack.envFile, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith(`${name}=`));
  writeFileSync(stack.envFile, [...kept.filter((line) => line !== ''), `${name}=${value}`, ''].join('\n'));
};

async function upOrThrow(): Promise<void> {
  const result = await shell(UP, { timeoutSeconds: 840 });
  if (result.exitCode === 0) return;
  const { output } = await shell('docker compose ps --all; docker compose logs --tail 40 acme pebble nginx');
  throw new Error(`${UP} ended with ${result.exitCode}:\n${result.output}\n${output}`);
}

let refused: Awaited<ReturnType<typeof shell>>;
let startedWhenRefused: Set<string>;

beforeAll(async () => {
  await stack.remove();
  await preparePebble();
  writeSettings(stack, { ...SETTINGS, LOG_LEVEL: 'debug', CORS_ORIGIN: '*' });
  chmodSync(stack.secretsDirectory, 0o755);
  refused = await shell(UP, { timeoutSeconds: 600 });
  startedWhenRefused = await servicesOf(stack);

  chmodSync(stack.secretsDirectory, 0o700);
  setInFile('LOG_LEVEL', 'info');
  setInFile('CORS_ORIGIN', '');
  for (const [name, value] of Object.entries(FIT)) setInFile(name, value);
  await upOrThrow();
  const { stdout } = await shellOrThrow(
    'docker compose exec -T -e NODE_TLS_REJECT_UNAUTHORIZED=0 pebble node --no-warnings -e ' +
      `"fetch('https://localhost:15000/roots/0').then((answer) => answer.text()).then((pem) => process.stdout.write(pem))"`,
  );
  root = stdout;
});
afterAll(async () => {
  agent.destroy();
  await stack.remove();
});

describe('before anything is started', () => {
  test('all that is not fit for the world is refused in one list', () => {
    expect(refused.exitCode).not.toBe(0);
    for (const name of ['SMTP_URL', 'EMAIL_FROM', 'LOG_LEVEL', 'CORS_ORIGIN', 'SECRETS_FOLDER_MODE']) {
      expect(refused.output).toMatch(new RegExp(`^ +${name}: `, 'm'));
    }
    expect([...startedWhenRefused]).toEqual([]);
  });

  test.each([
    [
      'a domain that is none',
      'make up ENV=production DOMAIN=https://api.sv.internal ACME_EMAIL=a@sv.internal',
      'DOMAIN=',
    ],
    ['an address that is none', `make up ENV=production DOMAIN=${DOMAIN} ACME_EMAIL=ada`, 'ACME_EMAIL=ada'],
    ['another environment', 'make up ENV=staging', 'ENV=staging'],
  ])('%s is told of, and nothing is changed', async (_what, command, told) => {
    const before = readFileSync(stack.envFile, 'utf8');
    const { exitCode, output } = await shell(command);
    expect(exitCode).not.toBe(0);
    expect(output).toContain('Nothing was changed');
    expect(output).toContain(told);
    expect(readFileSync(stack.envFile, 'utf8')).toBe(before);
  });
});

test('the settings say what was asked for, so that plain docker compose means the same stack', () => {
  const settings = readFileSync(stack.envFile, 'utf8').split('\n');
  expect(settings).toContain('SV_ENV=production');
  expect(settings).toContain(`DOMAIN=${DOMAIN}`);
  expect(settings).toContain(`BETTER_AUTH_URL=${ORIGIN}`);
  expect(settings).toContain(`COMPOSE_FILE=${SETTINGS.COMPOSE_FILE}:docker-compose.prod.yml`);
});

test('the world reaches nginx by 80 and 443, and nothing else', async () => {
  const { stdout } = await shellOrThrow("docker compose ps --format '{{json .Publishers}} {{.Service}}'");
  const published = stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const at = line.lastIndexOf(' ');
      const ports = (JSON.parse(line.slice(0, at)) ?? []) as { URL: string; PublishedPort: number }[];
      return ports
        .filter(({ URL, PublishedPort }) => PublishedPort > 0 && URL !== '127.0.0.1')
        .map(({ PublishedPort }) => `${line.slice(at + 1)} ${PublishedPort}`);
    });
  expect([...new Set(published)].toSorted()).toEqual(['nginx 13443', 'nginx 13480']);
});

test('nobody catches mail', async () => {
  expect(await servicesOf(stack)).not.toContain('maildev');
});

describe('by HTTPS', () => {
  test('the certificate is the authority’s, for the domain', async () => {
    // Node has checked it by `root` and the name.
    expect((await ask('/health/live')).status).toBe(200);
  });

  test('HTTP leads there', async () => {
    const answer = await fetch(`http://127.0.0.1:${PUBLIC.PUBLIC_HTTP_PORT}/api/v1/users`, {
      redirect: 'manual',
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, `${ORIGIN}/api/v1/users`]);
  });

  test('a session’s cookie is for this host alone, and opens it', async () => {
    const cookie = await signIn();
    expect(cookie).toMatch(/^__Host-sv\.session_token=/);
    const { status, headers } = await ask('/api/v1/auth/session', { headers: { cookie } });
    expect(status).toBe(200);
    expect(headers['strict-transport-security']).toContain('max-age=');
  });
});

test('the certificate is renewed by itself, and no request fails for it', async () => {
  const first = (await ask('/health/live', { isNewConnection: true })).serialNumber;
  const statuses = new Set<number | undefined>();
  await eventually(
    async () => {
      statuses.add((await ask('/health/live')).status);
      const { status, serialNumber } = await ask('/health/live', { isNewConnection: true });
      statuses.add(status);
      return serialNumber;
    },
    (serialNumber) => serialNumber !== first,
    { seconds: CERTIFICATE_SECONDS, what: 'a renewed certificate' },
  );
  expect([...statuses]).toEqual([200]);
});

test('Prometheus knows when the certificate ends that is served', async () => {
  await eventually(
    async () => {
      const { endsAtSeconds } = await ask('/health/live', { isNewConnection: true });
      const [sample] = await query('sv_nginx_certificate_end_timestamp_seconds', urls.prometheus);
      return Number(sample?.value) - endsAtSeconds;
    },
    // Looked at once a minute, and renewed meanwhile.
    (seconds) => Math.abs(seconds) < CERTIFICATE_SECONDS,
    { seconds: 180, what: 'the end of the certificate as a figure' },
  );
});

test('nginx has the last certificate also after a restart', async () => {
  await shellOrThrow('docker compose restart nginx');
  const answer = await eventually(
    async () => (await ask('/health/live', { isNewConnection: true }).catch(() => undefined))?.status,
    (status) => status === 200,
    { seconds: 60, what: 'an answer by a certificate that is trusted' },
  );
  expect(answer).toBe(200);
});

describe('operators’ pages', () => {
  test('are not there for the world, and are for this machine', async () => {
    const cookie = await signIn();
    for (const path of ['/admin/queues', '/admin/prometheus/-/healthy', '/api/v1/docs']) {
      expect((await ask(path, { headers: { cookie } })).status).toBe(404);
    }
    expect((await fetch(`${urls.http}/api/v1/docs`)).status).toBe(200);
    expect((await fetch(`${urls.prometheus}/-/healthy`)).status).toBe(200);
  });

  test('are there, with OPERATORS_PAGES=on, for who is signed in and may see them', async () => {
    setInFile('OPERATORS_PAGES', 'on');
    await upOrThrow();
    const visit = await ask('/admin/prometheus/');
    expect([visit.status, visit.headers.location]).toEqual([303, '/admin/sign-in']);
    const cookie = await signIn();
    for (const path of [
      '/admin/prometheus/-/healthy',
      '/admin/alertmanager/-/healthy',
      '/api/v1/docs',
      '/admin/queues',
    ]) {
      const { status, headers } = await ask(path, { headers: { cookie, accept: 'text/html' } });
      expect([path, status]).toEqual([path, 200]);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    }
    const figures = await ask('/admin/prometheus/api/v1/query?query=up', { headers: { cookie } });
    expect(JSON.parse(figures.body)).toMatchObject({ status: 'success' });
    const foreign = await ask('/admin/alertmanager/api/v2/silences', {
      method: 'POST',
      headers: { cookie, origin: 'https://evil.example' },
      body: {},
    });
    expect(foreign.status).toBe(404);
  });
});
