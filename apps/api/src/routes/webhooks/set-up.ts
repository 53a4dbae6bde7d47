import { createPublicKey } from 'node:crypto';
import { createBrevoReceiver } from './brevo.ts';
import type { WebhookReceiver } from './receiver.ts';
import { createSendGridReceiver } from './sendgrid.ts';
import { createSesReceiver } from './ses.ts';

/** The receivers of those providers for which there is something to prove a request by. */
export function createEmailWebhooks(settings: {
  sesSnsTopicArns: readonly string[];
  /** Base64 of DER (SubjectPublicKeyInfo), as SendGrid shows it. */
  sendGridPublicKey?: string | undefined;
  brevoTokens?: readonly string[] | undefined;
}): WebhookReceiver[] {
  const { sesSnsTopicArns: topicArns, sendGridPublicKey, brevoTokens: tokens } = settings;
  return [
    ...(topicArns.length > 0 ? [createSesReceiver({ topicArns })] : []),
    ...(sendGridPublicKey === undefined
      ? []
      : [
          createSendGridReceiver({
            publicKey: createPublicKey({
              key: Buffer.from(sendGridPublicKey, 'base64'),
              format: 'der',
              type: 'spki',
            }),
          }),
        ]),
    ...(tokens === undefined ? [] : [createBrevoReceiver({ tokens })]),
  ];
}
