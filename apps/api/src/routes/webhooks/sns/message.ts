/** Messages of Amazon SNS by HTTP. https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html */
import { type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { malformed } from '../receiver.ts';

const text = z.string().max(4_096);

const signature = {
  MessageId: text,
  TopicArn: text,
  Message: z.string(),
  Timestamp: z.iso.datetime(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: text,
  SigningCertURL: text,
};

/** SNS may add fields; raw message delivery has none of these, and so no signature. */
const snsMessage = z.discriminatedUnion('Type', [
  z.object({ Type: z.literal('Notification'), ...signature, Subject: z.string().nullish() }),
  z.object({
    Type: z.enum(['SubscriptionConfirmation', 'UnsubscribeConfirmation']),
    ...signature,
    SubscribeURL: text,
    Token: text,
  }),
]);
export type SnsMessage = z.output<typeof snsMessage>;

/** Throws a VALIDATION_ERROR. */
export function parseSnsMessage(value: unknown): SnsMessage {
  const result = snsMessage.safeParse(value);
  if (result.success) return result.data;
  throw malformed('a signed message of SNS (raw message delivery must be off)', result.error);
}

/** In this order, each as a line of its name and one of its value. */
const SIGNED = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const;

export function textToSign(message: SnsMessage): string {
  const values: Readonly<Record<string, string | null | undefined>> = message;
  return SIGNED[message.Type]
    .flatMap((name) => (values[name] == null ? [] : [`${name}\n${values[name]}\n`]))
    .join('');
}

/**
 * Version 1, the default of a topic, is SHA-1. Forging it takes a second preimage, which nobody can find: what an
 * attacker can have signed at will is in another topic, whose name is part of the text.
 */
const DIGESTS = { 1: 'sha1', 2: 'sha256' } as const;

export function isSignedBy(message: SnsMessage, key: KeyObject): boolean {
  const digest = DIGESTS[message.SignatureVersion];
  return verify(digest, Buffer.from(textToSign(message)), key, Buffer.from(message.Signature, 'base64'));
}
