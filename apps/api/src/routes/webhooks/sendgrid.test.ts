import { createPublicKey } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSendGridReceiver } from './sendgrid.ts';

/** A request as SendGrid's own libraries are tested with: key, time, body and signature belong together. */
const KEY =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==';
const TIMESTAMP = '1600112502';
const SIGNATURE =
  'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=';
const BODY = `${JSON.stringify([
  {
    email: 'hello@world.com',
    event: 'dropped',
    reason: 'Bounced Address',
    sg_event_id: 'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA',
    sg_message_id: 'LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0',
    'smtp-id': '<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>',
    timestamp: 1600112492,
  },
])}\r\n`;

const { receive } = createSendGridReceiver({
  publicKey: createPublicKey({ key: Buffer.from(KEY, 'base64'), format: 'der', type: 'spki' }),
});
const request = (body = BODY, signature = SIGNATURE) => ({
  headers: {
    'x-twilio-email-event-webhook-signature': signature,
    'x-twilio-email-event-webhook-timestamp': TIMESTAMP,
  },
  body: Buffer.from(body),
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Number(TIMESTAMP) * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a request with SendGrid's own signature is read", async () => {
  expect(await receive(request())).toMatchObject({
    events: [{ type: 'hard_bounce', messageId: 'LRzXl_NHStOGhQ4kofSm_A', detail: 'Bounced Address' }],
    ignored: 0,
    unreadable: 0,
  });
});

test.each([
  ['another body', request(BODY.trimEnd())],
  ['another signature', request(BODY, SIGNATURE.replace('MEUC', 'MEUD'))],
  ['no base64', request(BODY, '%%%')],
  ['nothing', request(BODY, '')],
])('%s is refused', async (_what, changed) => {
  await expect(receive(changed)).rejects.toMatchObject({
    code: 'AUTHENTICATION_ERROR',
    refusal: { metadata: { reason: 'wrong signature' } },
  });
});

test.each([
  [25 * 3600 - 1, true],
  [25 * 3600 + 1, false],
  [-299, true],
  [-301, false],
])('%i s later: %s', async (seconds, isTaken) => {
  vi.setSystemTime((Number(TIMESTAMP) + seconds) * 1000);
  const received = receive(request());
  if (isTaken) await received;
  else await expect(received).rejects.toMatchObject({ code: 'AUTHENTICATION_ERROR' });
});
