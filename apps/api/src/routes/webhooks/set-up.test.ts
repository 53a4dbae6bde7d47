import { generateKeyPairSync } from 'node:crypto';
import { loadConfig } from '@sv-sdk/config';
import { expect, test } from 'vitest';
import { createEmailWebhooks } from './set-up.ts';

const NAMES = ['SES_SNS_TOPIC_ARNS', 'SENDGRID_WEBHOOK_PUBLIC_KEY', 'BREVO_WEBHOOK_TOKEN'] as const;
const derOf = (key: ReturnType<typeof generateKeyPairSync>['publicKey']) =>
  key.export({ format: 'der', type: 'spki' }).toString('base64');
const EC_KEY = derOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey);

const providersFor = (environment: Record<string, string>) => {
  const config = loadConfig(NAMES, environment);
  return createEmailWebhooks({
    sesSnsTopicArns: config.SES_SNS_TOPIC_ARNS,
    sendGridPublicKey: config.SENDGRID_WEBHOOK_PUBLIC_KEY,
    brevoTokens: config.BREVO_WEBHOOK_TOKEN,
  }).map(({ provider }) => provider);
};

test('who has nothing to be proven by is not set up', () => {
  expect(providersFor({})).toEqual([]);
  expect(providersFor({ SES_SNS_TOPIC_ARNS: ' ', BREVO_WEBHOOK_TOKEN: '' })).toEqual([]);
  expect(providersFor({ SENDGRID_WEBHOOK_PUBLIC_KEY: EC_KEY })).toEqual(['sendgrid']);
  expect(providersFor({ BREVO_WEBHOOK_TOKEN: '0123456789abcdef'.repeat(4) })).toEqual(['brevo']);
  const arns = 'arn:aws:sns:eu-west-1:123456789012:a, arn:aws-us-gov:sns:us-gov-west-1:123456789012:b';
  expect(providersFor({ SES_SNS_TOPIC_ARNS: arns })).toEqual(['ses']);
});

test.each([
  ['SES_SNS_TOPIC_ARNS', 'arn:aws:sqs:eu-west-1:123456789012:a'],
  ['SES_SNS_TOPIC_ARNS', 'arn:aws:sns:evil.example:123456789012:a'],
  ['SES_SNS_TOPIC_ARNS', 'arn:aws:sns:eu-west-1:123456789012:a,nonsense'],
  ['SENDGRID_WEBHOOK_PUBLIC_KEY', 'nonsense'],
  ['SENDGRID_WEBHOOK_PUBLIC_KEY', derOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
  ['BREVO_WEBHOOK_TOKEN', 'short'],
])('%s=%s keeps the process from starting, and is named', (name, value) => {
  expect(() => providersFor({ [name]: value })).toThrow(name);
});
