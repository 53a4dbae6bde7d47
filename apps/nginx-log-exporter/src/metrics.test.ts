import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

const attemptOf = (upstream: string, status: number | undefined) => ({ upstream, status, seconds: 0.012 });

test('requests are counted by the caller’s status, and what was asked by instance', async () => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  metrics.count({
    status: 200,
    attempts: [attemptOf('10.0.0.1:3000', 502), attemptOf('10.0.0.2:3000', 200)],
  });
  metrics.count({ status: 499, attempts: [attemptOf('10.0.0.2:3000', undefined)] });
  metrics.countUnreadable();
  const text = await registry.metrics();
  for (const line of [
    'sv_nginx_requests_total{status_class="2xx"} 1',
    'sv_nginx_requests_total{status_class="4xx"} 1',
    'sv_nginx_upstream_requests_total{upstream="10.0.0.1:3000",status_class="5xx"} 1',
    'sv_nginx_upstream_requests_total{upstream="10.0.0.2:3000",status_class="2xx"} 1',
    'sv_nginx_upstream_requests_total{upstream="10.0.0.2:3000",status_class="aborted"} 1',
    'sv_nginx_upstream_duration_seconds_bucket{le="0.025",upstream="10.0.0.2:3000"} 2',
    'sv_nginx_log_unreadable_total 1',
  ]) {
    expect(text).toContain(line);
  }
});

test('an instance that has gone takes its series with it, one that is asked keeps them', async () => {
  let now = 0;
  const registry = new Registry();
  const metrics = createMetrics(registry, () => now);
  // As after a hundred deploys.
  for (let instance = 0; instance < 200; instance += 1) {
    now += 60_000;
    metrics.count({
      status: 200,
      attempts: [attemptOf(`10.0.0.${instance}:3000`, 200), attemptOf('10.1.1.1:3000', 200)],
    });
  }
  const text = await registry.metrics();
  expect(text).toContain('upstream="10.1.1.1:3000"} 200');
  expect(text).toContain('upstream="10.0.0.199:3000"');
  expect(text).not.toContain('upstream="10.0.0.189:3000"');
  expect(text.split('\n').length).toBeLessThan(250);
});

test('the end of a certificate is a figure where there is a certificate', async () => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  expect(await registry.metrics()).not.toContain('certificate');
  metrics.setCertificateEnd(new Date('2027-01-01T00:00:00Z'));
  expect(await registry.metrics()).toContain('sv_nginx_certificate_end_timestamp_seconds 1798761600');
});
