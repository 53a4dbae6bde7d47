import { beforeEach, describe, expect, test } from 'vitest';
import { issue } from '../../../../../../test/harness/certificates.ts';
import { type Amazon, CERTIFICATE_URL, SNS_HOST, startAmazon, TOPIC_ARN } from '../../../testing/amazon.ts';
import { CertificateError, createSigningKeys } from './signing-keys.ts';
import { topicOf } from './topic.ts';

const topic = topicOf(TOPIC_ARN);
let amazon: Amazon;
beforeEach(async () => {
  amazon = await startAmazon();
});

const keyAt = (url = CERTIFICATE_URL, of = topic) => createSigningKeys(amazon).keyAt(url, of);
const served = (...pems: string[]) => amazon.serve({ status: 200, body: pems.join('\n') });

test('the key of a certificate that leads to a root, over the one that it names itself', async () => {
  expect((await keyAt()).equals(amazon.signer.certificate.publicKey)).toBe(true);
  expect(amazon.requests).toEqual([new URL(CERTIFICATE_URL).pathname, '/between.cer']);
});

test('those that stand beside it in the file are taken, and nobody else is asked', async () => {
  served(amazon.signer.pem, amazon.between.pem);
  await keyAt();
  expect(amazon.requests).toHaveLength(1);
});

test('it is asked for once, however many messages come at the same time', async () => {
  const keys = createSigningKeys(amazon);
  await Promise.all(Array.from({ length: 20 }, () => keys.keyAt(CERTIFICATE_URL, topic)));
  await keys.keyAt(CERTIFICATE_URL, topic);
  expect(amazon.requests).toHaveLength(2);
});

test.each([
  ['sns.amazonaws.com', true],
  [SNS_HOST, true],
  ['sns-signing.eu-west-1.amazonaws.com', true],
  ['sns.us-east-1.amazonaws.com', false],
  ['ec2.amazonaws.com', false],
  ['sns.amazonaws.com.evil.example', false],
])('issued to %s: %s', async (name, isTaken) => {
  served((await amazon.issueSigner({ name })).pem);
  if (isTaken) await keyAt();
  else await expect(keyAt()).rejects.toThrow(new CertificateError('it is issued to somebody else'));
});

test.each([
  `http://${SNS_HOST}/SimpleNotificationService-0123456789abcdef.pem`,
  'https://evil.example/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  `https://${SNS_HOST}.evil.example/SimpleNotificationService-0123456789abcdef.pem`,
  `https://${SNS_HOST}@evil.example/SimpleNotificationService-0123456789abcdef.pem`,
  `https://user@${SNS_HOST}/SimpleNotificationService-0123456789abcdef.pem`,
  `https://${SNS_HOST}:8443/SimpleNotificationService-0123456789abcdef.pem`,
  `${CERTIFICATE_URL}?x`,
  `${CERTIFICATE_URL}#x`,
  `https://${SNS_HOST}/a/../x.pem`,
  `https://${SNS_HOST}/`,
  'nonsense',
])('nobody is asked at %s', async (url) => {
  await expect(keyAt(url)).rejects.toThrow(new CertificateError(`it does not lie at ${SNS_HOST}`));
  expect(amazon.requests).toEqual([]);
});

describe('refused is one', () => {
  test('whose authority nobody knows, of the same name', async () => {
    const root = await issue({ name: 'Test Root', isAuthority: true });
    const between = await issue({ name: 'Test Between', isAuthority: true, issuer: root });
    served((await amazon.issueSigner({ issuer: between })).pem, between.pem, root.pem);
    await expect(keyAt()).rejects.toThrow('it leads to no root');
    // Amazon's own has the same name, and another key.
    served((await amazon.issueSigner({ issuer: between })).pem);
    await expect(keyAt()).rejects.toThrow('its issuer did not sign it');
  });

  test('whose key is of another kind', async () => {
    served((await amazon.issueSigner({ isRsa: false })).pem);
    await expect(keyAt()).rejects.toThrow('its key is not RSA');
  });

  test('whose issuer may not issue: a certificate is no authority', async () => {
    const server = await issue({ name: SNS_HOST, issuer: amazon.root });
    served((await amazon.issueSigner({ issuer: server })).pem, server.pem);
    amazon.serveIssuer({ status: 200, body: server.certificate.raw });
    await expect(keyAt()).rejects.toThrow('its issuer did not sign it');
  });

  test('that is over, or whose issuer is', async () => {
    served((await amazon.issueSigner({ endsInMs: -1000 })).pem);
    await expect(keyAt()).rejects.toThrow('not valid now');
    const between = await issue({ name: 'Old', isAuthority: true, issuer: amazon.root, endsInMs: -1000 });
    served((await amazon.issueSigner({ issuer: between })).pem, between.pem);
    await expect(keyAt()).rejects.toThrow('not valid now');
  });

  test.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'that is none: %j',
    async (body) => {
      amazon.serve({ status: 200, body });
      await expect(keyAt()).rejects.toThrow(CertificateError);
    },
  );
});

describe('Amazon does not answer as it should:', () => {
  test.each([
    ['an error', { status: 500, body: '' }, 'answered 500'],
    ['no such file', { status: 404, body: '' }, 'answered 404'],
    ['a way to somewhere else', { status: 302, body: '', location: 'https://evil.example/' }, 'answered 302'],
    ['more than a certificate', { status: 200, body: 'x'.repeat(70_000) }, 'larger than'],
    ['silence', undefined, 'could not be asked'],
  ])('%s', async (_what, answer, message) => {
    amazon.serve(answer);
    await expect(keyAt()).rejects.toThrow(message);
    expect(amazon.requests).toHaveLength(1);
  });

  test('the issuer of its certificate is not there', async () => {
    amazon.serveIssuer({ status: 404, body: '' });
    await expect(keyAt()).rejects.toMatchObject({ name: 'DownloadError', status: undefined });
  });

  test('a failure is not remembered', async () => {
    const keys = createSigningKeys(amazon);
    amazon.serve({ status: 500, body: '' });
    await expect(keys.keyAt(CERTIFICATE_URL, topic)).rejects.toThrow('answered 500');
    served(amazon.signer.pem);
    await keys.keyAt(CERTIFICATE_URL, topic);
  });

  test('a server of another name, or of an unknown authority', async () => {
    const impostors = [
      await startAmazon({ server: (root) => issue({ name: 'sns.us-east-1.amazonaws.com', issuer: root }) }),
      await startAmazon({ server: () => issue({ name: SNS_HOST }) }),
    ];
    for (const impostor of impostors) {
      await expect(createSigningKeys(impostor).keyAt(CERTIFICATE_URL, topic)).rejects.toThrow(
        'could not be asked',
      );
      expect(impostor.requests).toEqual([]);
    }
  });
});

test('a topic of China is asked there', () => {
  const { host, certificateNames } = topicOf('arn:aws-cn:sns:cn-north-1:123456789012:t');
  expect(host).toBe('sns.cn-north-1.amazonaws.com.cn');
  expect(certificateNames.every((name) => name.endsWith('.amazonaws.com.cn'))).toBe(true);
  expect(() => topicOf('arn:aws:sqs:eu-west-1:123456789012:t')).toThrow();
});
