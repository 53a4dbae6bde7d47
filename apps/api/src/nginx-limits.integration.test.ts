/** The limits of the front door, which answers by itself before any app is asked. */
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failure } from './envelope.ts';
import { ERROR_STATUS } from './errors.ts';
import { createEmails } from './routes/emails/create.ts';
import { HTTP_PORT, startNginx } from './testing/nginx.ts';
import { exchange, jsonHeaders, manyHeaders, rawRequest } from './testing/raw-http.ts';

/** No multiple of three, of which base64 makes four. */
const ATTACHMENTS_MAX_BYTES = 1_000_000;
const EMAILS_BODY_BYTES =
  createEmails.maxBodyBytes?.({ attachmentsMaxBytes: ATTACHMENTS_MAX_BYTES } as never) ?? 0;

let nginx: StartedTestContainer;
beforeAll(async () => {
  nginx = await startNginx({ attachmentsMaxBytes: ATTACHMENTS_MAX_BYTES });
});
afterAll(() => nginx.stop());

const LARGE = 1024 * 1024 + 1;

test.each([
  ['what is taken', rawRequest('GET / HTTP/1.1'), 'SERVICE_UNAVAILABLE'],
  ['a hundred headers', rawRequest('GET / HTTP/1.1', manyHeaders(98)), 'SERVICE_UNAVAILABLE'],
  ['an address of 8000 characters', rawRequest(`GET /?${'x'.repeat(7_998)} HTTP/1.1`), 'SERVICE_UNAVAILABLE'],
  [
    'a body of 1 MB',
    rawRequest('POST / HTTP/1.1', jsonHeaders('x'.repeat(LARGE - 1)), 'x'.repeat(LARGE - 1)),
    'SERVICE_UNAVAILABLE',
  ],
  ['101 headers', rawRequest('GET / HTTP/1.1', manyHeaders(99)), 'VALIDATION_ERROR'],
  ['an address of 9 kB', rawRequest(`GET /?${'x'.repeat(9_000)} HTTP/1.1`), 'VALIDATION_ERROR'],
  ['a header of 9 kB', rawRequest('GET / HTTP/1.1', [`X-A: ${'x'.repeat(9_000)}`]), 'VALIDATION_ERROR'],
  [
    'headers of 35 kB',
    rawRequest('GET / HTTP/1.1', Array(5).fill(`X-A: ${'x'.repeat(7_000)}`)),
    'VALIDATION_ERROR',
  ],
  ['a body over 1 MB', rawRequest('POST / HTTP/1.1', [`Content-Length: ${LARGE}`]), 'VALIDATION_ERROR'],
  [
    'emails with all that may be attached',
    rawRequest(
      'POST /api/v1/emails HTTP/1.1',
      jsonHeaders('x'.repeat(EMAILS_BODY_BYTES)),
      'x'.repeat(EMAILS_BODY_BYTES),
    ),
    'SERVICE_UNAVAILABLE',
  ],
  [
    'emails with a byte more',
    rawRequest('POST /api/v1/emails?a=b HTTP/1.1', [`Content-Length: ${EMAILS_BODY_BYTES + 1}`]),
    'VALIDATION_ERROR',
  ],
  [
    'a body as large for anything else',
    rawRequest('POST /api/v1/emails/replay HTTP/1.1', [`Content-Length: ${LARGE}`]),
    'VALIDATION_ERROR',
  ],
  [
    'a body in chunks over 1 MB',
    rawRequest(
      'POST / HTTP/1.1',
      ['Transfer-Encoding: chunked'],
      `${LARGE.toString(16)}\r\n${'x'.repeat(LARGE)}\r\n0\r\n\r\n`,
    ),
    'VALIDATION_ERROR',
  ],
  [
    'two lengths',
    rawRequest('POST / HTTP/1.1', ['Content-Length: 2', 'Content-Length: 3'], '{}'),
    'VALIDATION_ERROR',
  ],
  [
    'a length and chunks',
    rawRequest('POST / HTTP/1.1', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    'VALIDATION_ERROR',
  ],
  ['an unknown transfer', rawRequest('POST / HTTP/1.1', ['Transfer-Encoding: bogus']), 'VALIDATION_ERROR'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'VALIDATION_ERROR'],
  ['two Hosts', rawRequest('GET / HTTP/1.1', ['Host: y']), 'VALIDATION_ERROR'],
  ['a path that cannot be decoded', rawRequest('GET /%zz HTTP/1.1'), 'VALIDATION_ERROR'],
  ['no HTTP', 'NONSENSE\r\n\r\n', 'VALIDATION_ERROR'],
  ['another HTTP', rawRequest('GET / HTTP/9.1'), 'VALIDATION_ERROR'],
  ['TRACE', rawRequest('TRACE / HTTP/1.1'), 'NOT_FOUND'],
  ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', 'NOT_FOUND'],
  ['metrics', rawRequest('GET /metrics HTTP/1.1'), 'NOT_FOUND'],
  ['its own error page', rawRequest('GET /nginx-error/413 HTTP/1.1'), 'NOT_FOUND'],
] as const)('%s is answered in the envelope, with the status of its code', async (_what, bytes, code) => {
  const [answer, ...more] = await exchange(nginx.getMappedPort(HTTP_PORT), bytes);
  expect(more).toEqual([]);
  const { error, meta } = failure.parse(JSON.parse(answer?.body ?? ''));
  expect(error.code).toBe(code);
  expect(answer?.status).toBe(ERROR_STATUS[code]);
  expect(answer?.head).toContain(`X-Request-Id: ${meta.requestId}`);
});

test('the log has no token of a link to unsubscribe', async () => {
  const token = 'T'.repeat(43);
  const lines = await nginx.logs();
  const logged = (async () => {
    for await (const chunk of lines) {
      const text = String(chunk);
      if (text.includes('/unsubscribe/')) return text;
    }
    throw new Error('the log ended');
  })();
  await exchange(nginx.getMappedPort(HTTP_PORT), rawRequest(`GET /unsubscribe/${token}?utm=x HTTP/1.1`));
  const text = await logged;
  expect(text).toContain('"path":"/unsubscribe/-"');
  expect(text).not.toContain(token);
});
