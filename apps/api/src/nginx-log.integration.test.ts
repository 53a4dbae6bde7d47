/** What the front door tells nginx-log-exporter of its requests, and what Prometheus gets of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { HTTP_PORT, startNginx } from './testing/nginx.ts';
import { freePort } from './testing/process.ts';

const EXPORTER = fileURLToPath(new URL('../../nginx-log-exporter/src/main.ts', import.meta.url));

let apps: Server[];
let nginx: StartedTestContainer;
let logPort: string;
let operationsPort: string;
let exporter: ChildProcess;

function startExporter(): ChildProcess {
  return spawn(process.execPath, [EXPORTER], {
    env: { NGINX_LOG_PORT: logPort, OPERATIONS_PORT: operationsPort },
    stdio: 'inherit',
  });
}

const metrics = async () => (await fetch(`http://127.0.0.1:${operationsPort}/metrics`)).text();
const ask = async (path: string) => {
  const response = await fetch(`http://${nginx.getHost()}:${nginx.getMappedPort(HTTP_PORT)}${path}`);
  await response.arrayBuffer();
  return response.status;
};

/** One that answers, and one that breaks off what it is asked. */
beforeAll(async () => {
  apps = [
    createServer((_request, response) => response.end('done')),
    createServer((request) => request.socket.destroy()),
  ];
  await Promise.all(apps.map((app) => once(app.listen(0), 'listening')));
  logPort = await freePort();
  operationsPort = await freePort();
  exporter = startExporter();
  nginx = await startNginx({
    attachmentsMaxBytes: 0,
    apps: apps.map((app) => (app.address() as AddressInfo).port),
    requestLogPort: Number(logPort),
  });
  await vi.waitFor(metrics, { timeout: 15_000 });
});
afterAll(async () => {
  exporter.kill('SIGKILL');
  await nginx.stop();
  for (const app of apps) app.close();
});

test('each request is counted by its status, and by each instance that was asked', async () => {
  for (let index = 0; index < 10; index += 1) expect(await ask('/api/v1/users')).toBe(200);
  expect(await ask('/metrics')).toBe(404);
  const [good, bad] = apps.map((app) => (app.address() as AddressInfo).port);
  await expect.poll(metrics).toContain('sv_nginx_requests_total{status_class="4xx"} 1');
  const text = await metrics();
  expect(text).toContain('sv_nginx_requests_total{status_class="2xx"} 10');
  const counted = (port: number | undefined, status: string) =>
    Number(
      new RegExp(
        `sv_nginx_upstream_requests_total{upstream="[\\d.]+:${port}",status_class="${status}"} (\\d+)`,
      ).exec(text)?.[1] ?? 0,
    );
  expect(counted(good, '2xx')).toBe(10);
  expect(counted(bad, '5xx')).toBeGreaterThan(0);
  expect(text).toMatch(
    new RegExp(`sv_nginx_upstream_duration_seconds_count{upstream="[\\d.]+:${good}"} 10\n`),
  );
  expect(text).toContain('sv_nginx_log_unreadable_total 0');
});

test('while nobody counts, nginx serves as always; then it is counted again', async () => {
  exporter.kill('SIGKILL');
  await once(exporter, 'exit');
  for (let index = 0; index < 20; index += 1) expect(await ask('/api/v1/users')).toBe(200);
  exporter = startExporter();
  await vi.waitFor(metrics, { timeout: 15_000 });
  await expect
    .poll(async () => {
      await ask('/api/v1/users');
      return await metrics();
    })
    .toContain('sv_nginx_requests_total{status_class="2xx"} ');
});
