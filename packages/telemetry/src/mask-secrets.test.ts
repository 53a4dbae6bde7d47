import { expect, test } from 'vitest';
import { maskLine, maskSecrets } from './mask-secrets.ts';

const KEY = `sv_${'aB3_-'.repeat(8)}`;

test.each([
  [`the key ${KEY} is old`, 'the key sv_[redacted] is old'],
  ['Authorization: Bearer abc.def-1', 'Authorization: Bearer [redacted]'],
  ['postgres://sv_app:hunter2@db.example/sv', 'postgres://sv_app:[redacted]@db.example/sv'],
  ['redis://:hunter2@cache:6379', 'redis://:[redacted]@cache:6379'],
])('a secret is known by its form: %s', (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});

test.each([
  '550 5.1.1 <jane.doe+news@mail.example.org>: user unknown',
  'GET /unsubscribe?to=jane.doe%40example.org',
  'Jäne@exämple.org',
  'first line\njane@example.org\u0001jane@example.org\tend "jane@example.org"',
])('a line of JSON stays one without its addresses: %j', (text) => {
  const line = JSON.parse(maskLine(JSON.stringify({ text, next: 1 }))) as { text: string; next: number };
  expect(line.text).toContain('[address]');
  expect(line.text).not.toMatch(/jane|jäne|@|%40/i);
  expect(line.next).toBe(1);
});

test.each([
  { err: { stack: 'at /app/node_modules/.pnpm/express@5.3.0/node_modules/express/lib/router.js:1' } },
  { url: 'http://127.0.0.1:3000', name: '@sv-sdk/db', other: 'sv_app@pgbouncer', role: 'sv_replication' },
  { path: 'C:\\users\\x', text: 'tab\there' },
])('nothing else of a line changes', (fields) => {
  expect(JSON.parse(maskLine(JSON.stringify(fields)))).toEqual(fields);
});
