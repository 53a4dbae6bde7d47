import type { EmailProviderName } from '@sv-sdk/config';
import type { Logger } from '@sv-sdk/telemetry';
import { parseSender } from './from.ts';
import type { EmailProvider } from './provider.ts';
import type { SenderConfig } from './settings.ts';

export interface ConfiguredProvider {
  readonly provider: EmailProvider;
  readonly concurrency: number;
  /** 0: no limit of ours. */
  readonly ratePerSecond: number;
}

/** Loads only what the chosen provider needs: the SDK of SES takes 33 MB of memory that nobody else should pay. */
export async function createProvider(
  name: EmailProviderName,
  config: SenderConfig,
  logger: Logger,
): Promise<ConfiguredProvider> {
  const sender = parseSender(config.EMAIL_FROM);
  const atOnce = (limit: number) => (limit === 0 ? config.EMAIL_CONCURRENCY : limit);
  switch (name) {
    case 'smtp': {
      const { createSmtpProvider } = await import('./smtp.ts');
      const concurrency = atOnce(config.EMAIL_CONCURRENCY_SMTP);
      const provider = createSmtpProvider({
        url: required('SMTP_URL', config.SMTP_URL),
        user: config.SMTP_USER,
        password: config.SMTP_PASSWORD,
        from: config.EMAIL_FROM,
        connections: concurrency,
        logger,
      });
      return { provider, concurrency, ratePerSecond: config.EMAIL_RATE_PER_SECOND_SMTP };
    }
    case 'ses': {
      const { createSesProvider } = await import('./ses.ts');
      const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = config;
      const concurrency = atOnce(config.EMAIL_CONCURRENCY_SES);
      const provider = createSesProvider({
        region: required('AWS_REGION', config.AWS_REGION),
        endpoint: config.SES_ENDPOINT,
        credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
        configurationSet: config.SES_CONFIGURATION_SET,
        connections: concurrency,
        sender,
      });
      return { provider, concurrency, ratePerSecond: config.EMAIL_RATE_PER_SECOND_SES };
    }
    case 'brevo': {
      const { createBrevoProvider } = await import('./brevo.ts');
      const apiKey = required('BREVO_API_KEY', config.BREVO_API_KEY);
      return {
        provider: createBrevoProvider({ apiUrl: config.BREVO_API_URL, apiKey, sender }),
        concurrency: atOnce(config.EMAIL_CONCURRENCY_BREVO),
        ratePerSecond: config.EMAIL_RATE_PER_SECOND_BREVO,
      };
    }
    case 'sendgrid': {
      const { createSendGridProvider } = await import('./sendgrid.ts');
      const apiKey = required('SENDGRID_API_KEY', config.SENDGRID_API_KEY);
      return {
        provider: createSendGridProvider({ apiUrl: config.SENDGRID_API_URL, apiKey, sender }),
        concurrency: atOnce(config.EMAIL_CONCURRENCY_SENDGRID),
        ratePerSecond: config.EMAIL_RATE_PER_SECOND_SENDGRID,
      };
    }
    case 'mock': {
      const { createMockProvider } = await import('./mock.ts');
      logger.warn('EMAIL_PROVIDER or EMAIL_FALLBACK_PROVIDER is mock: it accepts emails and sends none');
      return { provider: createMockProvider(), concurrency: config.EMAIL_CONCURRENCY, ratePerSecond: 0 };
    }
  }
}

/** packages/config has checked it for a process; this is for who gives settings of their own. */
function required(name: string, value: string | undefined): string {
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
