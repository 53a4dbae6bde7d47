import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSignedBy, parseSnsMessage, textToSign } from './message.ts';

const notification = {
  Type: 'Notification',
  MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
  TopicArn: 'arn:aws:sns:us-west-2:123456789012:MyTopic',
  Subject: 'My First Message',
  Message: 'Hello\nworld!',
  Timestamp: '2012-05-02T00:54:06.655Z',
  SignatureVersion: '1',
  Signature: 'AAAA',
  SigningCertURL:
    'https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
  UnsubscribeURL: 'https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe',
};
const confirmation = {
  Type: 'SubscriptionConfirmation',
  MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
  Token: '2336412f37',
  TopicArn: 'arn:aws:sns:us-west-2:123456789012:MyTopic',
  Message: 'You have chosen to subscribe.',
  SubscribeURL: 'https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription',
  Timestamp: '2012-04-26T20:45:04.751Z',
  SignatureVersion: '1',
  Signature: 'AAAA',
  SigningCertURL: notification.SigningCertURL,
};

describe('what is signed is each name and its value, as Amazon documents it', () => {
  test('of a notification, with and without a subject', () => {
    const lines = (subject: string) =>
      `Message\nHello\nworld!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\n${subject}Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\nType\nNotification\n`;
    expect(textToSign(parseSnsMessage(notification))).toBe(lines('Subject\nMy First Message\n'));
    const { Subject: _, ...without } = notification;
    expect(textToSign(parseSnsMessage(without))).toBe(lines(''));
    expect(textToSign(parseSnsMessage({ ...notification, Subject: null }))).toBe(lines(''));
  });

  test('of a confirmation', () => {
    expect(textToSign(parseSnsMessage(confirmation))).toBe(
      'Message\nYou have chosen to subscribe.\nMessageId\n165545c9-2a5c-472c-8df2-7ff2be2b3b1b\nSubscribeURL\nhttps://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription\nTimestamp\n2012-04-26T20:45:04.751Z\nToken\n2336412f37\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\nType\nSubscriptionConfirmation\n',
    );
  });
});

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

test.each([
  ['1', 'sha1'],
  ['2', 'sha256'],
] as const)('version %s is %s, and any change of what is signed breaks it', (SignatureVersion, digest) => {
  const unsigned = parseSnsMessage({ ...notification, SignatureVersion });
  const Signature = sign(digest, Buffer.from(textToSign(unsigned)), privateKey).toString('base64');
  const signed = { ...notification, SignatureVersion, Signature };
  expect(isSignedBy(parseSnsMessage(signed), publicKey)).toBe(true);
  for (const name of ['Message', 'MessageId', 'Subject', 'TopicArn'] as const) {
    expect(isSignedBy(parseSnsMessage({ ...signed, [name]: `${signed[name]} ` }), publicKey)).toBe(false);
  }
  const other = SignatureVersion === '1' ? '2' : '1';
  expect(isSignedBy(parseSnsMessage({ ...signed, SignatureVersion: other }), publicKey)).toBe(false);
  expect(isSignedBy(parseSnsMessage({ ...signed, Signature: '' }), publicKey)).toBe(false);
});

test.each([
  [{ ...notification, Type: 'Other' }],
  [{ ...notification, SignatureVersion: '3' }],
  [{ ...notification, Message: { eventType: 'Bounce' } }],
  [{ ...confirmation, Token: undefined }],
  // Raw message delivery: the event alone.
  [{ eventType: 'Bounce', mail: {} }],
  [[]],
  [null],
])('%j is no message', (value) => {
  expect(() => parseSnsMessage(value)).toThrow('is not a signed message of SNS');
});
