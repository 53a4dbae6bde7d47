import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { type ProviderServer, startProviderServer } from '../testing/provider-server.ts';
import type { EmailProvider } from './provider.ts';
import { createSendGridProvider } from './sendgrid.ts';

const MESSAGE_ID = '14c5d75ce93.dfd.64b469';
const refusal = (message: string, field: string | null = null) => ({
  errors: [{ message, field, help: null }],
});

describe('the SendGrid provider', () => {
  let server: ProviderServer;
  let provider: EmailProvider;
  const connect = (apiUrl: string) =>
    createSendGridProvider({
      apiUrl,
      apiKey: 'SG.test',
      sender: { name: '', address: 'noreply@sv.example', domain: 'sv.example' },
    });
  beforeEach(async () => {
    server = await startProviderServer();
    server.answer = () => ({ status: 202, headers: { 'x-message-id': MESSAGE_ID } });
    provider = connect(server.url);
  });
  afterEach(async () => {
    await provider.close();
    await server.close();
  });

  it('sends everything, with our id where its events give it back, and answers its message id', async () => {
    const content = Buffer.from('%PDF-1.7');
    const email = outgoingEmail({
      headers: { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
      attachments: [{ filename: 'bill.pdf', contentType: 'application/pdf', content }],
    });
    expect(await provider.send(email)).toEqual({ messageId: MESSAGE_ID });
    const [request] = server.received;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v3/mail/send',
      headers: { authorization: 'Bearer SG.test', 'content-type': 'application/json' },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      personalizations: [{ to: [{ email: 'ada@example.org' }] }],
      from: { email: 'noreply@sv.example' },
      subject: 'Hello Ada',
      content: [
        { type: 'text/plain', value: 'Hello' },
        { type: 'text/html', value: '<p>Hello</p>' },
      ],
      headers: { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
      custom_args: { email_send_id: email.id },
      attachments: [
        {
          filename: 'bill.pdf',
          type: 'application/pdf',
          content: content.toString('base64'),
          disposition: 'attachment',
        },
      ],
    });
  });

  it.each([
    [
      'an address that it does not take',
      400,
      refusal('Does not contain a valid address.', 'personalizations.0.to.0.email'),
      'rejected',
    ],
    [
      'a sender that it does not take',
      400,
      refusal('The from email does not contain a valid address.', 'from.email'),
      'unavailable',
    ],
    [
      'a wrong key',
      401,
      refusal('The provided authorization grant is invalid, expired, or revoked'),
      'unavailable',
    ],
    ['no credits', 401, refusal('Maximum credits exceeded'), 'unavailable'],
    [
      'a sender that is not verified',
      403,
      refusal('The from address does not match a verified Sender Identity.', 'from'),
      'unavailable',
    ],
    ['too much', 413, refusal('Payload too large'), 'rejected'],
    ['an outage', 500, refusal('Internal server error'), 'unavailable'],
    ['an outage with words of its own', 503, 'Service Unavailable', 'unavailable'],
    ['a gateway that gave up waiting', 504, '<html>504</html>', 'uncertain'],
    ['a success that is none', 200, '<html>Welcome to our hotel</html>', 'uncertain'],
    ['a success without an id', 202, '', 'uncertain'],
    ['a 400 that is not its own', 400, '{', 'refused'],
  ])('%s (%i) means: %s', async (_, status, body, failure) => {
    server.answer = () => ({ status, body });
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ name: 'ProviderError', failure });
    expect(server.received).toHaveLength(1);
  });

  it('says how long a throttle lasts, by the moment at which its window begins anew', async () => {
    const headers = { 'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 40) };
    server.answer = () => ({ status: 429, headers, body: refusal('too many requests') });
    const error = await provider.send(outgoingEmail()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ failure: 'unavailable' });
    expect((error as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(30);
    expect((error as { retryAfterSeconds: number }).retryAfterSeconds).toBeLessThanOrEqual(40);
  });

  it('is unavailable where nobody listens, and uncertain when the answer is lost', async () => {
    await expect(connect('http://127.0.0.1:2').send(outgoingEmail())).rejects.toMatchObject({
      failure: 'unavailable',
    });
    server.answer = () => 'hang up';
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ failure: 'uncertain' });
    expect(server.received).toHaveLength(1);
  });
});
