import { expect, test } from 'vitest';
import { maskMetadata } from './mask.ts';

test('email addresses keep their first character and their domain, wherever they stand', () => {
  expect(
    maskMetadata({
      email: 'anna.berg@example.org',
      note: 'from <bob@mail.example.com> to élodie@example.fr, thanks',
      nested: { list: [{ to: 'carol+tag@example.org' }] },
      'dave@example.org': 'as a key',
    }),
  ).toEqual({
    email: 'a***@example.org',
    note: 'from <b***@mail.example.com> to é***@example.fr, thanks',
    nested: { list: [{ to: 'c***@example.org' }] },
    'd***@example.org': 'as a key',
  });
});

test.each([
  'password',
  'newPassword',
  'PASSWORD_HASH',
  'accessToken',
  'refresh-token',
  'client_secret',
  'apiKey',
  'api_key',
  'X-API-Key',
  'Authorization',
  'set-cookie',
  'privateKey',
  'totp',
  'hash',
])('the value of a field named %s is cut out, whatever it is', (name) => {
  expect(maskMetadata({ [name]: 'plain' })).toEqual({ [name]: '[redacted]' });
  expect(maskMetadata({ deep: [{ [name]: { even: 'an object' } }] })).toEqual({
    deep: [{ [name]: '[redacted]' }],
  });
});

test.each(['pinned', 'action', 'sessionId', 'apiKeyId', 'token_ids'])('a field named %s is kept', (name) => {
  expect(maskMetadata({ [name]: 'plain' })).toEqual({ [name]: 'plain' });
});

test('an address at the end of what is kept is masked, not cut in two', () => {
  const text = `${'x'.repeat(995)} somebody@example.org`;
  expect(maskMetadata({ text })['text']).toBe(`${'x'.repeat(995)} s***…`);
});

test('secrets are found by their form, too', () => {
  expect(
    maskMetadata({
      key: 'sv_Abc-123_xyzXYZ and more',
      header: 'Bearer eyJhbGciOi.J9.x-y_z',
      url: 'postgres://sv_app:hunter2hunter2@pgbouncer:6432/sv',
    }),
  ).toEqual({
    key: 'sv_[redacted] and more',
    header: 'Bearer [redacted]',
    url: 'postgres://sv_app:[redacted]@pgbouncer:6432/sv',
  });
});

test('whatever is given comes out as JSON that Postgres takes, of a bounded size', () => {
  const circular: Record<string, unknown> = { count: 1n, when: new Date(0), no: undefined, call: () => 1 };
  circular['self'] = circular;
  const masked = maskMetadata({
    circular,
    long: 'x'.repeat(5_000),
    nul: 'a\u0000b',
    error: new Error('for a@b.org'),
  });
  expect(JSON.parse(JSON.stringify(masked))).toEqual(masked);
  expect(masked).toMatchObject({
    circular: { count: '1', when: '1970-01-01T00:00:00.000Z' },
    long: `${'x'.repeat(1_000)}…`,
    nul: 'a\ufffdb',
    error: { name: 'Error', message: 'for a***@b.org' },
  });
  expect(JSON.stringify(masked)).toContain('[too deep]');
});

test('a text made to be slow to search is masked at once', () => {
  const started = performance.now();
  maskMetadata({
    a: `${'a'.repeat(999)}@`,
    b: 'a@'.repeat(500),
    c: `x://${'a'.repeat(990)}`,
    d: 'Bearer '.repeat(140),
  });
  expect(performance.now() - started).toBeLessThan(250);
});
