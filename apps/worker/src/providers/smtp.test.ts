import { createLogger } from '@sv-sdk/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SmtpSink, startSmtpSink } from '../testing/smtp-sink.ts';
import type { EmailProvider } from './provider.ts';
import { createSmtpProvider } from './smtp.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
const email = (overrides = {}) => ({
  id: '0198c9f0-0000-7000-8000-000000000001',
  to: 'ada@example.org',
  subject: 'Hello',
  html: '<p>Hello</p>',
  text: 'Hello',
  headers: {},
  attachments: [],
  ...overrides,
});

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

  it('refuses a sender with no domain', () => {
    expect(() => connect(sink.url, 'nobody')).toThrow('EMAIL_FROM');
  });
});
