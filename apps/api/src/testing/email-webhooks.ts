/** For tests: requests as email providers make them, signed with keys of the test's own. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createBrevoReceiver } from '../routes/webhooks/brevo.ts';
import type { WebhookProvider, WebhookReceiver } from '../routes/webhooks/receiver.ts';
import { createSendGridReceiver } from '../routes/webhooks/sendgrid.ts';
import { createSesReceiver } from '../routes/webhooks/ses.ts';
import { parseSnsMessage, textToSign } from '../routes/webhooks/sns/message.ts';
import { type Amazon, CERTIFICATE_URL, TOPIC_ARN } from './amazon.ts';
import type { TestApi } from './api.ts';

export const BREVO_TOKEN = 'b'.repeat(32);
const sendGridKeys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

export interface WebhookPost {
  readonly provider: WebhookProvider | string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export function receiversOf(amazon: Amazon): WebhookReceiver[] {
  const { agents, roots } = amazon;
  return [
    createSesReceiver({ topicArns: [TOPIC_ARN], agents, roots }),
    createSendGridReceiver({ publicKey: sendGridKeys.publicKey }),
    createBrevoReceiver({ tokens: [BREVO_TOKEN] }),
  ];
}

/** The status and body of the answer. */
export async function postWebhook(api: TestApi, { provider, headers, body }: WebhookPost) {
  const response = await fetch(`${api.url}/api/v1/webhooks/email/${provider}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape themselves
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

export const fromBrevo = (events: unknown, token = BREVO_TOKEN): WebhookPost => ({
  provider: 'brevo',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  body: JSON.stringify(events),
});

export function fromSendGrid(events: unknown, signedAt = new Date()): WebhookPost {
  const body = typeof events === 'string' ? events : JSON.stringify(events);
  const timestamp = String(Math.floor(signedAt.getTime() / 1000));
  const signature = sign('sha256', Buffer.from(timestamp + body), sendGridKeys.privateKey).toString('base64');
  return {
    provider: 'sendgrid',
    headers: {
      'content-type': 'application/json',
      'x-twilio-email-event-webhook-signature': signature,
      'x-twilio-email-event-webhook-timestamp': timestamp,
    },
    body,
  };
}

/** A message of the topic; `changes`: of its fields, before it is signed. */
export function fromSns(amazon: Amazon, changes: Readonly<Record<string, unknown>>): WebhookPost {
  const unsigned = {
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: TOPIC_ARN,
    Message: '{}',
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    Signature: '',
    SigningCertURL: CERTIFICATE_URL,
    ...changes,
  };
  const digest = unsigned.SignatureVersion === '1' ? 'sha1' : 'sha256';
  const text = textToSign(parseSnsMessage(unsigned));
  const Signature = sign(digest, Buffer.from(text), amazon.signer.key).toString('base64');
  return {
    provider: 'ses',
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': unsigned.Type },
    body: JSON.stringify({ ...unsigned, Signature }),
  };
}

export const fromSes = (amazon: Amazon, event: unknown, changes: Readonly<Record<string, unknown>> = {}) =>
  fromSns(amazon, { Message: JSON.stringify(event), ...changes });
