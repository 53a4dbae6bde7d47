import { Agent, get, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { auditLogs } from '@sv-sdk/db';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { itemEndpoint } from './endpoint/endpoint.ts';
import { CORS_ORIGIN, startTestApi } from './testing/api.ts';

/** An endpoint that answers when the test says so. */
function steeredEndpoint() {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const endpoint = itemEndpoint({
    method: 'get',
    path: '/api/v1/test/slow',
    operationId: 'slow',
    summary: 'Waits',
    tag: 'test',
    access: 'public',
    status: 200,
    data: z.strictObject({ done: z.literal(true) }),
    handle: async () => {
      entered.resolve();
      await release.promise;
      return { done: true as const };
    },
  });
  return { endpoint, entered: entered.promise, release: release.resolve };
}

const isUp = { name: 'database', required: true, probe: async () => true };

describe('draining', () => {
  test('is not ready at once, serves on, finishes what is in flight, and then listens no more', async () => {
    const slow = steeredEndpoint();
    const api = await startTestApi({ more: [slow.endpoint], checks: [isUp] });
    onTestFinished(() => slow.release()); // before the app closes, which waits for it
    await vi.waitFor(async () => expect((await api.call('GET', '/health/ready')).status).toBe(200));
    const inFlight = api.call('GET', '/api/v1/test/slow');
    await slow.entered;

    const waitSeconds = 0.5;
    const drained = api.server.drain(waitSeconds);
    const ready = await api.call('GET', '/health/ready');
    expect(ready).toMatchObject({ status: 503, body: { ready: false, timestamp: expect.any(String) } });
    expect(ready.headers.get('connection')).toBe('close');
    // nginx doesn't know yet: what it still sends must be served.
    const late = await api.call('GET', '/health/live');
    expect(late.status).toBe(200);
    expect(late.headers.get('connection')).toBe('close');

    await vi.waitFor(() => expect(api.call('GET', '/health/live')).rejects.toThrow(), { timeout: 5000 });
    const isDrained = await Promise.race([drained.then(() => true), delay(100, false)]);
    expect(isDrained).toBe(false);
    slow.release();
    const answer = await inFlight;
    expect(answer.body.data).toEqual({ done: true });
    expect(answer.headers.get('connection')).toBe('close');
    await drained;
  });

  test('an idle connection that nginx keeps does not hold it up', async () => {
    const api = await startTestApi();
    const agent = new Agent({ keepAlive: true });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${api.url}/health/live`, { agent }, resolve).on('error', reject);
    });
    expect(await json(response)).toMatchObject({ alive: true });
    expect(response.headers.connection).not.toBe('close');
    await api.server.drain(0);
    agent.destroy();
  });
});

describe('health', () => {
  test('ready names its services, and follows the database', async () => {
    let isDatabaseUp = true;
    const checks = [
      { name: 'database', required: true, probe: async () => isDatabaseUp },
      { name: 'cache', required: false, probe: async () => false },
    ];
    const api = await startTestApi({ checks });
    const ready = () => api.call('GET', '/health/ready');
    await vi.waitFor(async () => expect((await ready()).status).toBe(200));
    expect((await ready()).body).toEqual({
      ready: true,
      services: [
        { name: 'app', ready: true },
        { name: 'database', ready: true },
        { name: 'cache', ready: false },
      ],
      timestamp: expect.any(String),
    });
    isDatabaseUp = false;
    await vi.waitFor(async () => expect((await ready()).status).toBe(503));
    expect((await api.call('GET', '/health/live')).body).toEqual({
      alive: true,
      timestamp: expect.any(String),
      version: 'test',
    });
    expect((await api.call('GET', '/health/startup')).status).toBe(200);
    isDatabaseUp = true;
    await vi.waitFor(async () => expect((await ready()).status).toBe(200));
  });

  test('startup waits for the first time ready', async () => {
    const api = await startTestApi({ checks: [{ ...isUp, probe: async () => false }] });
    expect(await api.call('GET', '/health/startup')).toMatchObject({ status: 503, body: { started: false } });
  });

  test('a thousand probes cost no look at the database', async () => {
    const probe = vi.fn(async () => true);
    const api = await startTestApi({ checks: [{ name: 'database', required: true, probe }] });
    await vi.waitFor(() => expect(probe).toHaveBeenCalled());
    const rounds = 20;
    const before = probe.mock.calls.length;
    const start = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: 50 }, () => api.call('GET', '/health/ready')));
    }
    const inBackground = (performance.now() - start) / 10; // every 10 ms here
    expect(probe.mock.calls.length - before).toBeLessThanOrEqual(inBackground + 1);
  });
});

describe('headers', () => {
  test('let a cache between keep the files of the documentation, and no answer', async () => {
    const api = await startTestApi();
    const cacheControlOf = async (path: string) => (await fetch(api.url + path)).headers.get('cache-control');
    expect(await cacheControlOf('/api/v1/docs/swagger-ui.css')).toBe('public, max-age=3600');
    expect(await cacheControlOf('/api/v1/docs')).toBe('no-store');
  });

  test('are few and right, on errors too', async () => {
    const api = await startTestApi();
    for (const path of ['/api/v1/users', '/nothing', '/api/v1/openapi.json']) {
      const { headers } = await api.call('GET', path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
      for (const absent of [
        'x-powered-by',
        'etag',
        'server',
        'access-control-allow-origin',
        'strict-transport-security',
      ]) {
        expect(headers.get(absent), absent).toBeNull();
      }
    }
  });

  test('a listed origin may call us from a browser, another may not', async () => {
    const api = await startTestApi();
    const preflight = (origin: string) =>
      fetch(`${api.url}/api/v1/users`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
    const allowed = await preflight(CORS_ORIGIN);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(CORS_ORIGIN);
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true');
    expect(allowed.headers.get('access-control-allow-headers')).toContain('Content-Type');
    expect(allowed.headers.get('vary')).toBe('Origin');
    const refused = await preflight('https://evil.example');
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    expect(refused.headers.get('vary')).toBe('Origin');
  });

  test('the client’s address is what nginx says last, whatever a client put before it', async () => {
    const api = await startTestApi();
    const addresses: string[] = [];
    await api.call('POST', '/api/v1/auth/login', {
      body: { email: 'nobody@example.org', password: 'x' },
      headers: { 'x-forwarded-for': '1.2.3.4, 203.0.113.9' },
    });
    for (const row of await api.db.write().select().from(auditLogs)) addresses.push(row.ipAddress ?? '');
    expect(addresses).toEqual(['203.0.113.9']);
  });
});

describe('the documentation', () => {
  test('is OpenAPI 3.1', async () => {
    const api = await startTestApi();
    const { status, body } = await api.call('GET', '/api/v1/openapi.json');
    expect(status).toBe(200);
    expect(body.openapi).toMatch(/^3\.1\./);
    expect(Object.keys(body.paths)).toContain('/api/v1/users/{id}');
  });

  test('has a page whose every file comes from here, and which its CSP lets work', async () => {
    const api = await startTestApi();
    const page = await fetch(`${api.url}/api/v1/docs`);
    const html = await page.text();
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(html).not.toMatch(/https?:\/\/|<script>|<style|onload=/);
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(files).toHaveLength(4);
    for (const file of files) {
      const response = await fetch(api.url + file);
      expect(response.status, file).toBe(200);
      expect(response.headers.get('content-type'), file).toMatch(/javascript|css|png/);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(50);
    }
  });
});
