import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createSupportMask, secretsIn } from './support-mask.ts';

const SECRET = 'p@ss word/of "mine"';
const mask = createSupportMask([SECRET, 'short', '0123456789abcdef'.repeat(4)]);

test.each([
  [`password ${SECRET} refused`, 'password [redacted] refused'],
  [`redis://h/?p=${encodeURIComponent(SECRET)}`, 'redis://h/?p=[redacted]'],
  [JSON.stringify({ text: SECRET }), '{"text":"[redacted]"}'],
  ['key 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.', 'key [redacted].'],
  [`sv_${'aB3_-'.repeat(8)}`, 'sv_[redacted]'],
  ['SMTP_URL=smtp://me:hunter2hunter2@mail.example:25', 'SMTP_URL=smtp://me:[redacted]@mail.example:25'],
  ['BREVO_API_KEY=xkeysib-1', 'BREVO_API_KEY=[redacted]'],
  ['AWS_ACCESS_KEY_ID=AKIA1', 'AWS_ACCESS_KEY_ID=[redacted]'],
  ['mail to jane.doe@example.org', 'mail to [address]'],
  ['"ip":"203.0.113.7"', '"ip":"[ip]"'],
  ['"ip":"2001:db8::7"', '"ip":"[ip]"'],
])('%s', (line, masked) => {
  expect(mask(line)).toBe(masked);
});

test.each([
  'a short word stays',
  '2026-11-24T10:00:00.123Z app-1 | {"level":30,"upstream":"172.18.0.5:3000"}',
  'listening on 127.0.0.1:9090 and [::1]:9090',
  'Postgres 18.6, nginx 1.30.6, node 24.21.0',
  'HTTP_PORT=3000',
  'at 10:23:45 and fe80::1',
])('%s stays as it is', (line) => {
  expect(mask(line)).toBe(line);
});

test('the secrets of a folder are those of every file below it, but for certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'before'));
  const files = {
    encryption_key: 'current\nolder\n',
    '.next-redis_password': 'next',
    'before/redis_password': 'before',
    database_ca: 'a certificate',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const found = secretsIn(folder).filter((value) => value !== '');
  expect(found.toSorted()).toEqual(['before', 'current', 'next', 'older']);
});
