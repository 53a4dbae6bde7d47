import type { Config, SettingName } from '@sv-sdk/config';

/** What the sender of emails needs to know. packages/config checks that the chosen providers have all of theirs. */
export const SENDER_SETTINGS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'BREVO_API_KEY',
  'BREVO_API_URL',
  'EMAIL_CONCURRENCY',
  'EMAIL_CONCURRENCY_BREVO',
  'EMAIL_CONCURRENCY_SENDGRID',
  'EMAIL_CONCURRENCY_SES',
  'EMAIL_CONCURRENCY_SMTP',
  'EMAIL_FALLBACK_PROVIDER',
  'EMAIL_FROM',
  'EMAIL_PROVIDER',
  'EMAIL_RATE_PER_SECOND_BREVO',
  'EMAIL_RATE_PER_SECOND_SENDGRID',
  'EMAIL_RATE_PER_SECOND_SES',
  'EMAIL_RATE_PER_SECOND_SMTP',
  'EMAIL_SEND_TIMEOUT_SECONDS',
  'SENDGRID_API_KEY',
  'SENDGRID_API_URL',
  'SES_CONFIGURATION_SET',
  'SES_ENDPOINT',
  'SMTP_PASSWORD',
  'SMTP_URL',
  'SMTP_USER',
] as const satisfies readonly SettingName[];

export type SenderConfig = Config<(typeof SENDER_SETTINGS)[number]>;
