import { createLogger } from '@sv-sdk/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Moment, startAbruptSmtpServer } from '../testing/abrupt-smtp-server.ts';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { type SmtpSink, startSmtpSink } from '../testing/smtp-sink.ts';
import type { EmailProvider } from './provider.ts';
import { createSmtpProvider } from './smtp.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
const email = outgoingEmail;

describe('the SMTP provider', () => {
  let sink: SmtpSink;
  let provider: EmailProvider;
  const connect = (url: string, from = 'SV-SDK <noreply@sv.example>') =>
    createSmtpProvider({ url, from, connections: 2, logger });
  beforeEach(async () => {
    sink = await startSmtpSink();
    provider = connect(sink.url);
  });
  afterEach(async () => {
    await provider.close();
    await sink.close();
  });
  const failure = (to = 'ada@example.org') =>
    provider.send(email({ to })).then(
      () => 'sent',
      (error: { failure: string }) => error.failure,
    );

  it('sends both parts under a Message-ID that is the same at every attempt', async () => {
    const messageId = '<0198c9f0-0000-7000-8000-000000000001@sv.example>';
    expect(await provider.send(email())).toEqual({ messageId });
    expect(await provider.send(email())).toEqual({ messageId });
    expect(sink.received).toMatchObject([
      { messageId, html: expect.stringContaining('<p>Hello</p>'), text: expect.stringContaining('Hello') },
      { messageId },
    ]);
    expect(sink.received[0]?.headers).toContain('From: "SV-SDK" <noreply@sv.example>');
  });

  it.each([
    [450, 'refused'],
    [451, 'refused'],
    [452, 'refused'],
    [550, 'rejected'],
    [552, 'rejected'],
    [554, 'rejected'],
    [421, 'unavailable'],
    [503, 'unavailable'],
  ])('tells what %i means: %s', async (code, meaning) => {
    sink.onRecipient = () => ({ code, reason: 'because' });
    expect(await failure()).toBe(meaning);
    sink.onRecipient = () => undefined;
    sink.onMessage = () => ({ code, reason: 'because' });
    expect(await failure()).toBe(meaning);
    sink.onMessage = () => undefined;
    expect(await failure()).toBe('sent');
  });

  it('is unavailable where nobody listens, where nobody is, and where it is not let in', async () => {
    const addresses = [
      'smtp://127.0.0.1:1',
      'smtp://nobody.invalid:25',
      // The server offers no AUTH: it has to be asked for it.
      `${sink.url.replace('smtp://', 'smtp://user:password@')}?forceAuth=true`,
    ];
    for (const url of addresses) {
      const away = connect(url);
      await expect(away.send(email())).rejects.toMatchObject({
        name: 'ProviderError',
        failure: 'unavailable',
      });
      await away.close();
    }
  });

  it('never makes two recipients of one', async () => {
    expect(await failure('ada@example.org, eve@example.org')).not.toBe('unavailable');
    expect(sink.received.flatMap(({ recipients }) => recipients)).not.toContain('eve@example.org');
  });

  it.each<[Moment, string]>([
    ['greeting', 'unavailable'],
    ['recipient', 'unavailable'],
    // Longer than what a socket takes at once, so that the end of it is not sent.
    ['half a message', 'unavailable'],
    ['whole message', 'uncertain'],
  ])('knows what a server has that hangs up, or is silent, at the %s: %s', async (moment, meaning) => {
    const text = 'a line of text\n'.repeat(moment === 'half a message' ? 600_000 : 10);
    for (const behaviour of ['hangs up', 'silent'] as const) {
      const deadline = new AbortController();
      const server = await startAbruptSmtpServer({
        moment,
        behaviour,
        onMoment: () => (behaviour === 'silent' ? deadline.abort(new Error('too late')) : undefined),
      });
      const abrupt = connect(server.url);
      await expect(abrupt.send(email({ text }), deadline.signal)).rejects.toMatchObject({
        name: 'ProviderError',
        failure: meaning,
      });
      // What it may have is not sent again behind our back.
      if (meaning === 'uncertain') expect(server.times).toBe(1);
      await abrupt.close();
      await server.close();
    }
  });

  it('is uncertain when the deadline ends the wait for the answer to a message', async () => {
    const deadline = new AbortController();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    sink.onMessage = () => {
      deadline.abort(new Error('no answer within 60000 ms'));
      return promise;
    };
    await expect(provider.send(email(), deadline.signal)).rejects.toMatchObject({
      failure: 'uncertain',
      message: expect.stringContaining('no answer within'),
    });
    resolve(undefined);
  });

  it('goes on over a new connection after the server has closed an idle one', async () => {
    await provider.send(email());
    const { port } = sink;
    await sink.close();
    sink = await startSmtpSink(port);
    await provider.send(email());
    expect(sink.received).toHaveLength(1);
  });

  it.each([
    ['composed here', []],
    [
      'built by nodemailer',
      [
        {
          filename: 'bill.txt"\r\nBcc: eve@example.org',
          contentType: 'text/plain',
          content: Buffer.from('€ 7'),
        },
      ],
    ],
  ])('sends headers, and nothing in them becomes a header of its own: %s', async (_, attachments) => {
    // As if it came past the sender's own gate (safe-email.ts).
    const inject = 'x\r\nBcc: eve@example.org\r\n\r\n<b>owned</b>';
    const headers = { 'List-Unsubscribe': '<https://sv.example/unsubscribe/t>', 'X-Note': inject };
    await provider.send(email({ subject: inject, headers, attachments }));
    const [received] = sink.received;
    expect(received?.headers).toContain('List-Unsubscribe: <https://sv.example/unsubscribe/t>');
    for (const { content } of attachments) expect(received?.raw).toContain(content.toString('base64'));
    expect(received?.raw).not.toMatch(/^Bcc:/im);
    expect(received?.recipients).toEqual(['ada@example.org']);
  });

  it('logs in with a password that stands beside the URL, and never sends it without TLS', async () => {
    const login = { user: 'ada', password: 'p@ss word' };
    const secured = await startSmtpSink(0, login);
    const url = `${secured.url}?tls.rejectUnauthorized=false`;
    const from = 'SV-SDK <noreply@sv.example>';
    const inside = createSmtpProvider({ url, ...login, from, connections: 1, logger });
    await inside.send(email());
    expect(secured.received).toHaveLength(1);
    const wrong = createSmtpProvider({ url, user: 'ada', password: 'wrong', from, connections: 1, logger });
    await expect(wrong.send(email())).rejects.toMatchObject({ failure: 'unavailable' });
    const open = createSmtpProvider({ url: sink.url, ...login, from, connections: 1, logger });
    await expect(open.send(email())).rejects.toMatchObject({ failure: 'unavailable' });
    await Promise.all([inside.close(), wrong.close(), open.close()]);
    await secured.close();
  });

  it('refuses a sender with no domain', () => {
    expect(() => connect(sink.url, 'nobody')).toThrow('EMAIL_FROM');
  });
});
