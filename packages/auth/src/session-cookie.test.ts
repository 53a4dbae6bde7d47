import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { createSessionCookie } from './session-cookie.ts';

const secret = 'a secret of the test';
const oldSecret = 'the secret before it';
const cookie = createSessionCookie({ name: 'sv.session_token', secrets: [secret, oldSecret] });
const sign = (token: string, key = secret) =>
  encodeURIComponent(`${token}.${createHmac('sha256', key).update(token).digest('base64')}`);

test.each([
  [`sv.session_token=${sign('abc')}`],
  [`theme=dark; sv.session_token=${sign('abc')}; other=1`],
  [`sv.session_token =${sign('abc')}`],
  // Made before the secret was changed.
  [`sv.session_token=${sign('abc', oldSecret)}`],
])('%s holds the token', (header) => {
  expect(cookie.read(header)).toEqual({ present: true, token: 'abc' });
});

test.each([[undefined], [''], ['theme=dark'], ['xsv.session_token=1'], ['sv.session_token']])(
  '%j has no cookie of ours',
  (header) => {
    expect(cookie.read(header)).toEqual({ present: false });
  },
);

test.each([
  ['sv.session_token='],
  ['sv.session_token=abc'],
  ['sv.session_token=abc.'],
  ['sv.session_token=.abc'],
  ['sv.session_token=%E0%A4%A'],
  [`sv.session_token=${sign('abc', 'another secret')}`],
  [`sv.session_token=${sign('abc').replace('abc', 'abd')}`],
])('%s is there, and not signed by us', (header) => {
  expect(cookie.read(header)).toEqual({ present: true });
});
