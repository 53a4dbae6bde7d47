import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { type ProviderServer, startProviderServer } from '../testing/provider-server.ts';
import type { EmailProvider } from './provider.ts';
import { createSesProvider } from './ses.ts';

const MESSAGE_ID = '010001933f6b6b1c-2a5c9a5e-0000-4000-8000-000000000000-000000';

/** As SES answers an error: the name in a header, the words in the body. */
const refusal = (status: number, name: string, message: string) => ({
  status,
  headers: { 'x-amzn-errortype': name },
  body: { message },
});

describe('the SES provider', () => {
  let server: ProviderServer;
  let provider: EmailProvider;
  const connect = (endpoint: string, name = 'SV-SDK') =>
    createSesProvider({
      region: 'eu-central-1',
      endpoint,
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
      configurationSet: 'sv-events',
      connections: 2,
      sender: { name, address: 'noreply@sv.example', domain: 'sv.example' },
    });
  beforeEach(async () => {
    server = await startProviderServer();
    server.answer = () => ({ status: 200, body: { MessageId: MESSAGE_ID } });
    provider = connect(server.url);
  });
  afterEach(async () => {
    await provider.close();
    await server.close();
  });

  it('sends everything, signed, with our id as a tag and the configuration set, and answers its message id', async () => {
    const content = Buffer.from('%PDF-1.7');
    const email = outgoingEmail({
      headers: { 'List-Unsubscribe': '<https://sv.example/unsubscribe/t>' },
      attachments: [{ filename: 'bill.pdf', contentType: 'application/pdf', content }],
    });
    expect(await provider.send(email)).toEqual({ messageId: MESSAGE_ID });
    const [request] = server.received;
    expect(request).toMatchObject({ method: 'POST', path: '/v2/email/outbound-emails' });
    expect(request?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/eu-central-1\/ses\//,
    );
    expect(JSON.parse(request?.body ?? '')).toEqual({
      FromEmailAddress: '"SV-SDK" <noreply@sv.example>',
      Destination: { ToAddresses: ['ada@example.org'] },
      Content: {
        Simple: {
          Subject: { Data: 'Hello Ada', Charset: 'UTF-8' },
          Body: {
            Html: { Data: '<p>Hello</p>', Charset: 'UTF-8' },
            Text: { Data: 'Hello', Charset: 'UTF-8' },
          },
          Headers: [{ Name: 'List-Unsubscribe', Value: '<https://sv.example/unsubscribe/t>' }],
          Attachments: [
            {
              FileName: 'bill.pdf',
              ContentType: 'application/pdf',
              RawContent: content.toString('base64'),
              ContentDisposition: 'ATTACHMENT',
              ContentTransferEncoding: 'BASE64',
            },
          ],
        },
      },
      EmailTags: [{ Name: 'email_send_id', Value: email.id }],
      ConfigurationSetName: 'sv-events',
    });
  });

  it("encodes a sender's name that is not ASCII, and escapes one that has quotes", async () => {
    for (const [name, from] of [
      ['Gärtnerei', '=?UTF-8?Q?G=C3=A4rtnerei?= <noreply@sv.example>'],
      ['The "best"', '"The \\"best\\"" <noreply@sv.example>'],
    ] as const) {
      await connect(server.url, name).send(outgoingEmail());
      expect(JSON.parse(server.received.at(-1)?.body ?? '')).toMatchObject({ FromEmailAddress: from });
    }
  });

  it.each([
    [
      'an address that it does not take',
      400,
      'BadRequestException',
      'Local address contains control',
      'rejected',
    ],
    ['content that it does not take', 400, 'MessageRejected', 'Illegal content', 'rejected'],
    [
      'the sandbox, for this recipient',
      400,
      'MessageRejected',
      'Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: ada@example.org',
      'rejected',
    ],
    [
      'our own address, not verified',
      400,
      'MessageRejected',
      'Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: noreply@sv.example',
      'unavailable',
    ],
    ['a suspended account', 400, 'AccountSuspendedException', 'suspended', 'unavailable'],
    ['paused sending', 400, 'SendingPausedException', 'paused', 'unavailable'],
    ['a domain that is not verified', 400, 'MailFromDomainNotVerifiedException', 'no', 'unavailable'],
    ['an unknown configuration set', 404, 'NotFoundException', 'sv-events does not exist', 'unavailable'],
    ['a wrong key', 403, 'InvalidSignatureException', 'does not match', 'unavailable'],
    ['an unknown key', 403, 'UnrecognizedClientException', 'invalid token', 'unavailable'],
    ['an outage', 500, 'InternalFailure', 'oops', 'unavailable'],
    ['an outage with words of its own', 503, 'ServiceUnavailable', 'later', 'unavailable'],
    ['a gateway that gave up waiting', 504, '', '', 'uncertain'],
  ])('%s (%i %s: %s) means: %s', async (_, status, name, message, failure) => {
    server.answer = () => refusal(status, name, message);
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ name: 'ProviderError', failure });
    expect(server.received).toHaveLength(1);
  });

  it("tells a throttle of a second from the day's quota", async () => {
    for (const [message, retryAfterSeconds] of [
      ['Maximum sending rate exceeded.', 1],
      ['Daily message quota exceeded.', 900],
    ] as const) {
      server.answer = () => refusal(429, 'TooManyRequestsException', message);
      await expect(provider.send(outgoingEmail())).rejects.toMatchObject({
        failure: 'unavailable',
        retryAfterSeconds,
      });
    }
  });

  it.each([
    ['a success that is none', '<html>Welcome to our hotel</html>'],
    ['a success without an id', {}],
  ])('%s is uncertain', async (_, body) => {
    server.answer = () => ({ status: 200, body });
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ failure: 'uncertain' });
  });

  it('is unavailable where nobody listens and where nobody is', async () => {
    for (const url of ['http://127.0.0.1:2', 'http://nobody.invalid']) {
      await expect(connect(url).send(outgoingEmail())).rejects.toMatchObject({ failure: 'unavailable' });
    }
  });

  it('is uncertain, and asks once, when the answer is lost: it hangs up, or is silent until the deadline', async () => {
    server.answer = () => 'hang up';
    await expect(provider.send(outgoingEmail())).rejects.toMatchObject({ failure: 'uncertain' });
    expect(server.received).toHaveLength(1);
    const deadline = new AbortController();
    server.answer = () => {
      deadline.abort();
      return 'hang';
    };
    await expect(provider.send(outgoingEmail(), deadline.signal)).rejects.toMatchObject({
      failure: 'uncertain',
    });
    expect(server.received).toHaveLength(2);
  });
});
