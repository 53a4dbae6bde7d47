import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { type ProviderServer, startProviderServer } from '../testing/provider-server.ts';
import { createBrevoProvider } from './brevo.ts';
import type { EmailProvider } from './provider.ts';

const MESSAGE_ID = '<202611240307.12345678901@smtp-relay.mailin.fr>';

describe('the Brevo provider', () => {
  let server: ProviderServer;
  let provider: EmailProvider;
  const connect = (apiUrl: string) =>
    createBrevoProvider({
      apiUrl,
      apiKey: 'xkeysib-test',
      sender: { name: 'SV-SDK', address: 'noreply@sv.example', domain: 'sv.example' },
    });
  beforeEach(async () => {
    server = await startProviderServer();
    server.answer = () => ({ status: 201, body: { messageId: MESSAGE_ID } });
    provider = connect(server.url);
  });
  afterEach(async () => {
    await provider.close();
    await server.close();
  });

  it('sends everything, with our id where its events give it back, and answers its message id', async () => {
    const content = Buffer.from('€ 7');
    const email = outgoingEmail({
      headers: { 'List-Unsubscribe': '<https://sv.example/unsubscribe/t>' },
      attachments: [{ filename: 'bill.txt', contentType: 'text/plain', content }],
    });
    expect(await provider.send(email)).toEqual({ messageId: MESSAGE_ID });
    const [request] = server.received;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v3/smtp/email',
      headers: { 'api-key': 'xkeysib-test', 'content-type': 'application/json' },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      sender: { name: 'SV-SDK', email: 'noreply@sv.example' },
      to: [{ email: 'ada@example.org' }],
      subject: 'Hello Ada',
      htmlContent: '<p>Hello</p>',
      textContent: 'Hello',
      headers: { 'List-Unsubscribe': '<https://sv.example/unsubscribe/t>', 'X-Mailin-custom': email.id },
      attachment: [{ name: 'bill.txt', content: content.toString('base64') }],
    });
  });

  it.each([
    [
      'an address that it does not take',
      400,
      { code: 'invalid_parameter', message: 'email is not valid in to' },
      'rejected',
    ],
    ['a missing field', 400, { code: 'missing_parameter', message: 'subject is missing' }, 'rejected'],
    [
      'a sender that it does not know',
      400,
      {
        code: 'invalid_parameter',
        message: 'Sending has been rejected because the sender you used x is not valid.',
      },
      'unavailable',
    ],
    ['no credits', 400, { code: 'not_enough_credits', message: 'Credits are not enough' }, 'unavailable'],
    ['a wrong key', 401, { code: 'unauthorized', message: 'Key not found' }, 'unavailable'],
    [
      'no credits, by status',
      402,
      { code: 'not_enough_credits', message: 'Credits are not enough' },
      'unavailable',
    ],
    [
      'an account under validation',
      403,
      { code: 'permission_denied', message: 'Account not validated' },
      'unavailable',
    ],
    ['a URL that is not its API', 404, '<html>Not found</html>', 'unavailable'],
    ['a redirect', 302, '', 'unavailable'],
    ['too much', 413, { code: 'payload_too_large', message: 'too large' }, 'rejected'],
    ['an outage', 500, { code: 'internal', message: 'oops' }, 'unavailable'],
    ['an outage with words of its own', 503, 'Service Unavailable', 'unavailable'],
    ['a gateway that gave up waiting', 504, '<html>504</html>', 'uncertain'],
    ['a gateway without an answer', 502, '<html>502</html>', 'uncertain'],
    ['a success that is none', 200, '<html>Welcome to our hotel</html>', 'uncertain'],
    ['a success without an id', 201, {}, 'uncertain'],
    ['a 400 that is not its own', 400, '<html>Bad request</html>', 'refused'],
  ])('%s (%i) means: %s', async (_, status, body, failure) => {
    server.answer = () => ({ status, body });
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ name: 'ProviderError', failure });
    expect(server.received).toHaveLength(1);
  });

  it('says how long a throttle lasts', async () => {
    const body = { code: 'too_many_requests', message: 'Too many requests' };
    server.answer = () => ({ status: 429, headers: { 'x-sib-ratelimit-reset': '17' }, body });
    const throttled = { failure: 'unavailable', retryAfterSeconds: 17 };
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject(throttled);
    server.answer = () => ({ status: 429, headers: { 'retry-after': '3' }, body });
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ retryAfterSeconds: 3 });
    server.answer = () => ({ status: 429, body });
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ retryAfterSeconds: 5 });
  });

  it('never sends the key in a reason', async () => {
    server.answer = () => ({ status: 401, body: { code: 'unauthorized', message: 'Key not found' } });
    await expect(provider.send(outgoingEmail())).rejects.not.toThrow(/xkeysib/);
  });

  it('is unavailable where nobody listens and where nobody is', async () => {
    for (const url of ['http://127.0.0.1:2', 'http://nobody.invalid']) {
      await expect(connect(url).send(outgoingEmail())).rejects.toMatchObject({ failure: 'unavailable' });
    }
  });

  it('is uncertain when the answer is lost: it hangs up, or is silent until the deadline', async () => {
    server.answer = () => 'hang up';
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ failure: 'uncertain' });
    const deadline = new AbortController();
    server.answer = () => {
      deadline.abort(new Error('no answer within 60000 ms'));
      return 'hang';
    };
    await expect(provider.send(outgoingEmail(), deadline.signal)).rejects.toMatchObject({
      failure: 'uncertain',
      message: expect.stringContaining('no answer within'),
    });
    expect(server.received).toHaveLength(2);
  });
});
