import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Every label of every metric of the platform's own, and what bounds its values. */
const BOUNDED: Readonly<Record<string, string>> = {
  class: 'the limits of requests: principal, address, sign-in, webhook',
  code: 'the codes of the contract',
  direction: 'up, down, hold',
  failure: 'the kinds of failure of a provider',
  kind: 'the kinds of cache keys, and of housekeeping',
  limit: 'the ceilings of the autoscaler',
  method: 'methods of routes, or other',
  outcome: 'repeated or failed',
  pool: 'one of each server',
  provider: 'the email providers there are',
  queue: 'one',
  rcode: 'the response codes of DNS that are answered',
  reason: 'texts of the code',
  result: 'texts of the code',
  route: 'patterns of routes, or unmatched',
  server: 'the servers in the settings',
  service: 'services of docker-compose.yml',
  state: 'states of jobs, connections and instances',
  statement: 'names of statements, or verb and first table, 500 at the most',
  status_class: '1xx to 5xx, or aborted',
  target: 'primary, replica',
  tier: 'memory, redis',
  type: 'types of events of emails',
  upstream: 'instances of the app, forgotten 10 minutes after nginx asked them last',
  version: 'the one that runs',
};

const files = globSync('{apps,packages}/*/src/**/*.ts')
  .filter((path) => !path.endsWith('.test.ts') && !path.includes('/testing/'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
  .filter(({ text }) => text.includes("from 'prom-client'"));

test('every label of a metric has values that are bounded, and this list says by what', () => {
  const labels = files.flatMap(({ text }) =>
    [...text.matchAll(/\blabelNames\s*[:=]\s*\[([^\]]*)\]/g)].flatMap(([, names = '']) =>
      [...names.matchAll(/'(\w+)'/g)].map(([, name = '']) => name),
    ),
  );
  expect(labels.length).toBeGreaterThan(40);
  expect([...new Set(labels)].toSorted()).toEqual(Object.keys(BOUNDED).toSorted());
});

test('label names are written out where the metric is made, so that they can be read there', () => {
  // As a list, a list's name of the same file, a type, or a field that is asked for.
  const READABLE = /\blabelNames(?:\s*[:=]\s*\[|,$|\?: string\[\]| === undefined)/;
  const others = files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => line.includes('labelNames') && !READABLE.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(others).toEqual([]);
});
