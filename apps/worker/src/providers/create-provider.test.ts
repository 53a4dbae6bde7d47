import { loadConfig } from '@sv-sdk/config';
import { createLogger } from '@sv-sdk/telemetry';
import { describe, expect, it, onTestFinished } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { startProviderServer } from '../testing/provider-server.ts';
import { startSmtpSink } from '../testing/smtp-sink.ts';
import { createProvider } from './create-provider.ts';
import { SENDER_SETTINGS } from './settings.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
const configOf = (environment: Record<string, string>) =>
  loadConfig(SENDER_SETTINGS, { EMAIL_FROM: 'SV-SDK <noreply@sv.example>', ...environment });

describe('a provider, made of its settings', () => {
  it.each([
    [
      'ses',
      (url: string) => ({
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'AKIATEST',
        AWS_SECRET_ACCESS_KEY: 'secret',
        SES_ENDPOINT: url,
      }),
      { status: 200, body: { MessageId: '1' } },
      14,
    ],
    [
      'brevo',
      (url: string) => ({ BREVO_API_KEY: 'key', BREVO_API_URL: url }),
      { status: 201, body: { messageId: '1' } },
      0,
    ],
    [
      'sendgrid',
      (url: string) => ({ SENDGRID_API_KEY: 'key', SENDGRID_API_URL: url }),
      { status: 202, headers: { 'x-message-id': '1' } },
      0,
    ],
  ] as const)(
    'is %s, with its rate and as many at once as the worker sends',
    async (name, settings, answer, rate) => {
      const server = await startProviderServer();
      onTestFinished(() => server.close());
      server.answer = () => answer;
      const environment = { EMAIL_PROVIDER: name, EMAIL_CONCURRENCY: '7', ...settings(server.url) };
      const made = await createProvider(name, configOf(environment), logger);
      expect(made).toMatchObject({ concurrency: 7, ratePerSecond: rate });
      expect(made.provider.name).toBe(name);
      expect(await made.provider.send(outgoingEmail())).toEqual({ messageId: '1' });
      await made.provider.close();

      const upper = name.toUpperCase();
      const limits = { [`EMAIL_CONCURRENCY_${upper}`]: '3', [`EMAIL_RATE_PER_SECOND_${upper}`]: '20' };
      const limited = await createProvider(name, configOf({ ...environment, ...limits }), logger);
      expect(limited).toMatchObject({ concurrency: 3, ratePerSecond: 20 });
      await limited.provider.close();
    },
  );

  it('is smtp, with as many connections as it may have emails at once', async () => {
    const sink = await startSmtpSink();
    onTestFinished(() => sink.close());
    const config = configOf({
      SMTP_URL: sink.url,
      EMAIL_CONCURRENCY_SMTP: '2',
      EMAIL_RATE_PER_SECOND_SMTP: '9',
    });
    const { provider, concurrency, ratePerSecond } = await createProvider('smtp', config, logger);
    expect({ concurrency, ratePerSecond }).toEqual({ concurrency: 2, ratePerSecond: 9 });
    await provider.send(outgoingEmail());
    expect(sink.received).toHaveLength(1);
    await provider.close();
  });

  it('is mock, which needs nothing', async () => {
    const { provider, ratePerSecond } = await createProvider(
      'mock',
      configOf({ EMAIL_PROVIDER: 'mock' }),
      logger,
    );
    expect(ratePerSecond).toBe(0);
    expect(await provider.send(outgoingEmail())).toEqual({ messageId: expect.any(String) });
  });

  it('is none where EMAIL_FROM is no address', async () => {
    const config = configOf({ EMAIL_PROVIDER: 'mock', EMAIL_FROM: 'nobody' });
    await expect(createProvider('mock', config, logger)).rejects.toThrow('EMAIL_FROM');
  });
});
