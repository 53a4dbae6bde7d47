import { auditLogs, emailWebhooks } from '@sv-sdk/db';
import { eq, like } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Amazon, startAmazon, TOPIC_ARN } from '../../testing/amazon.ts';
import { startTestApi, type TestApi, type TestApiOptions } from '../../testing/api.ts';
import {
  BREVO_TOKEN,
  fromBrevo,
  fromSendGrid,
  fromSes,
  fromSns,
  postWebhook,
  receiversOf,
  type WebhookPost,
} from '../../testing/email-webhooks.ts';

let amazon: Amazon;
beforeEach(async () => {
  amazon = await startAmazon();
});

const startApi = (options: TestApiOptions = {}) =>
  startTestApi({ emailWebhooks: receiversOf(amazon), ...options });

const stored = (api: TestApi) => api.db.write().select().from(emailWebhooks).orderBy(emailWebhooks.eventId);
const audited = (api: TestApi) =>
  api.db.write().select().from(auditLogs).where(like(auditLogs.eventType, 'email.webhook%'));
const counted = async (api: TestApi) => {
  const metric = await api.registry.getSingleMetric('sv_email_events_total')?.get();
  return Object.fromEntries(
    (metric?.values ?? []).map(({ labels, value }) => [`${labels['provider']} ${labels['type']}`, value]),
  );
};

const BOUNCE = {
  eventType: 'Bounce',
  bounce: {
    bounceType: 'Permanent',
    bounceSubType: 'General',
    bouncedRecipients: [
      {
        emailAddress: 'recipient@example.com',
        action: 'failed',
        status: '5.1.1',
        diagnosticCode: 'smtp; 550 5.1.1 user unknown',
      },
    ],
    timestamp: '2026-08-05T00:41:02.669Z',
    feedbackId: '01000157c44f053b',
    reportingMTA: 'dsn; mta.example.com',
  },
  mail: {
    timestamp: '2026-08-05T00:40:02.012Z',
    source: 'Sender Name <sender@example.com>',
    messageId: 'EXAMPLE7c191be45',
    destination: ['recipient@example.com'],
    headers: [{ name: 'List-Unsubscribe', value: '<https://sv.example/unsubscribe/the-token>' }],
    commonHeaders: { subject: 'A subject' },
    tags: { 'ses:operation': ['SendEmail'], email_send_id: ['0198-our-id'] },
  },
};
const mail = BOUNCE.mail;
const SENDGRID_DELIVERED = {
  email: 'example@test.com',
  timestamp: 1_785_000_000,
  'smtp-id': '<14c5d75ce93.dfd.64b469@ismtpd-555>',
  event: 'delivered',
  category: 'cat facts',
  sg_event_id: 'sg-event-1',
  sg_message_id: 'kWMYXmLDQ-y9mpf_6fJ9aA.filter0001.16648.5515E0B88.0',
  response: '250 OK',
  email_send_id: '0198-our-id',
};
const BREVO_DELIVERED = {
  event: 'delivered',
  email: 'example@test.com',
  id: 26_224,
  date: '2026-10-09 00:00:00',
  ts: 1_785_000_001,
  'message-id': '<201798300811.5787683@smtp-relay.mailin.fr>',
  ts_event: 1_785_000_002,
  subject: 'My first Transactional',
  'X-Mailin-custom': '0198-our-id',
  sending_ip: '185.41.28.109',
  ts_epoch: 1_785_000_002_000,
  mirror_link: 'https://app-smtp.brevo.com/log/preview/1a2000f4',
  tags: ['transac'],
};

describe("the providers' documented events are stored in our terms", () => {
  test.each([
    ['Send', {}, 'sent'],
    ['Delivery', { recipients: ['recipient@example.com'], smtpResponse: '250 ok' }, 'delivered'],
    [
      'DeliveryDelay',
      { delayType: 'MailboxFull', delayedRecipients: [{ emailAddress: 'a@b.c' }] },
      'deferred',
    ],
    ['Bounce', BOUNCE.bounce, 'hard_bounce'],
    ['Bounce', { ...BOUNCE.bounce, bounceType: 'Transient', bounceSubType: 'MailboxFull' }, 'soft_bounce'],
    ['Bounce', { ...BOUNCE.bounce, bounceType: 'Transient' }, 'soft_bounce'],
    [
      'Bounce',
      { ...BOUNCE.bounce, bounceType: 'Undetermined', bounceSubType: 'Undetermined' },
      'soft_bounce',
    ],
    // "Out of office".
    ['Bounce', { bounceType: 'Transient', bounceSubType: 'General', bouncedRecipients: [{}] }, undefined],
    [
      'Complaint',
      { complainedRecipients: [{ emailAddress: 'a@b.c' }], complaintFeedbackType: 'abuse' },
      'complaint',
    ],
    ['Complaint', { complainedRecipients: [], complaintFeedbackType: 'not-spam' }, undefined],
    ['Reject', { reason: 'Bad content' }, 'dropped'],
    ['Open', { ipAddress: '192.0.2.1' }, undefined],
    ['Click', { link: 'https://sv.example/reset-password#token=secret' }, undefined],
    ['Subscription', {}, undefined],
  ])('SES: %s %#', async (eventType, about, type) => {
    const api = await startApi();
    const under = eventType === 'DeliveryDelay' ? 'deliveryDelay' : eventType.toLowerCase();
    const post = fromSes(amazon, { eventType, mail, [under]: about }, { MessageId: 'sns-1' });
    expect(await postWebhook(api, post)).toMatchObject({ status: 200 });
    expect((await stored(api)).map(({ eventType }) => eventType)).toEqual(type === undefined ? [] : [type]);
    expect(await counted(api)).toEqual({ [`ses ${type ?? 'ignored'}`]: 1 });
  });

  test('SES: all of a bounce, by either signature, and by the notification of an identity', async () => {
    const api = await startApi();
    const { eventType: notificationType, ...rest } = BOUNCE;
    await postWebhook(
      api,
      fromSes(amazon, BOUNCE, { MessageId: 'a', SignatureVersion: '1', Subject: 'Amazon SES' }),
    );
    await postWebhook(api, fromSes(amazon, { notificationType, ...rest }, { MessageId: 'b' }));
    const rows = await stored(api);
    expect(rows.map(({ eventId }) => eventId)).toEqual(['a', 'b']);
    for (const row of rows) {
      expect(row).toMatchObject({
        provider: 'ses',
        eventType: 'hard_bounce',
        messageId: 'EXAMPLE7c191be45',
        emailSendId: '0198-our-id',
        recipient: 'recipient@example.com',
        occurredAt: new Date('2026-08-05T00:41:02.669Z'),
        processed: false,
        payload: { event: 'Bounce', bounceType: 'Permanent', detail: 'smtp; 550 5.1.1 user unknown' },
      });
    }
    expect(JSON.stringify(rows)).not.toMatch(/the-token|A subject/);
  });

  test('SES: several recipients are an event each', async () => {
    const api = await startApi();
    const delivery = { recipients: ['a@example.org', 'b@example.org'] };
    await postWebhook(api, fromSes(amazon, { eventType: 'Delivery', mail, delivery }, { MessageId: 'm' }));
    expect((await stored(api)).map(({ eventId, recipient }) => [eventId, recipient])).toEqual([
      ['m', 'a@example.org'],
      ['m:1', 'b@example.org'],
    ]);
  });

  test.each([
    [{ event: 'processed' }, 'sent'],
    [{ event: 'deferred', response: '400 try again later', attempt: '5' }, 'deferred'],
    [{ event: 'delivered' }, 'delivered'],
    [{ event: 'bounce', type: 'bounce', reason: '550 5.1.1 no such user', status: '5.1.1' }, 'hard_bounce'],
    [{ event: 'bounce', type: 'blocked', reason: '550 spam', status: '5.7.1' }, 'soft_bounce'],
    [{ event: 'dropped', reason: 'Bounced Address' }, 'hard_bounce'],
    [{ event: 'dropped', reason: 'Unsubscribed Address' }, 'dropped'],
    [{ event: 'spamreport' }, 'complaint'],
    [{ event: 'open' }, undefined],
    [{ event: 'click', url: 'https://sv.example/#token=secret' }, undefined],
    [{ event: 'constructor' }, undefined],
  ])('SendGrid: %j', async (changes, type) => {
    const api = await startApi();
    expect(await postWebhook(api, fromSendGrid([{ ...SENDGRID_DELIVERED, ...changes }]))).toMatchObject({
      status: 200,
    });
    const rows = await stored(api);
    expect(rows.map(({ eventType }) => eventType)).toEqual(type === undefined ? [] : [type]);
    expect(JSON.stringify(rows)).not.toContain('secret');
  });

  test('SendGrid: all of an event', async () => {
    const api = await startApi();
    await postWebhook(api, fromSendGrid([SENDGRID_DELIVERED]));
    expect(await stored(api)).toMatchObject([
      {
        provider: 'sendgrid',
        eventId: 'sg-event-1',
        messageId: 'kWMYXmLDQ-y9mpf_6fJ9aA',
        emailSendId: '0198-our-id',
        recipient: 'example@test.com',
        occurredAt: new Date(1_785_000_000_000),
        payload: { event: 'delivered', detail: '250 OK' },
      },
    ]);
  });

  test.each([
    [{ event: 'request' }, 'sent'],
    [{ event: 'deferred', reason: 'spooled' }, 'deferred'],
    [{ event: 'delivered' }, 'delivered'],
    [{ event: 'hard_bounce', reason: 'server is down' }, 'hard_bounce'],
    [{ event: 'invalid_email' }, 'hard_bounce'],
    [{ event: 'soft_bounce', reason: 'full' }, 'soft_bounce'],
    [{ event: 'blocked', reason: 'blocked: user' }, 'dropped'],
    [{ event: 'error', reason: 'x' }, 'dropped'],
    [{ event: 'spam' }, 'complaint'],
    [{ event: 'unique_opened' }, undefined],
    [{ event: 'click', link: 'https://sv.example/#token=secret' }, undefined],
  ])('Brevo: %j', async (changes, type) => {
    const api = await startApi();
    await postWebhook(api, fromBrevo({ ...BREVO_DELIVERED, ...changes }));
    expect((await stored(api)).map(({ eventType }) => eventType)).toEqual(type === undefined ? [] : [type]);
  });

  test('Brevo: all of an event; the token as a bearer, or as the password of the URL', async () => {
    const api = await startApi();
    const post = fromBrevo([BREVO_DELIVERED]);
    const basic = `Basic ${Buffer.from(`anybody:${BREVO_TOKEN}`).toString('base64')}`;
    await postWebhook(api, post);
    const again = await postWebhook(api, { ...post, headers: { ...post.headers, authorization: basic } });
    expect(again.body.data).toEqual({ received: 1, stored: 0 });
    const rows = await stored(api);
    expect(rows).toMatchObject([
      {
        provider: 'brevo',
        messageId: '<201798300811.5787683@smtp-relay.mailin.fr>',
        emailSendId: '0198-our-id',
        recipient: 'example@test.com',
        occurredAt: new Date(1_785_000_002_000),
      },
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/mirror_link|My first/);
  });
});

describe('an event is stored once,', () => {
  test('however often and by however many requests at the same time it comes', async () => {
    const api = await startApi();
    const posts = [
      fromSes(amazon, BOUNCE, { MessageId: 'one' }),
      fromSendGrid([SENDGRID_DELIVERED, SENDGRID_DELIVERED]),
      fromBrevo(BREVO_DELIVERED),
    ];
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => posts.map((post) => postWebhook(api, post))).flat(),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await stored(api)).toHaveLength(3);
    expect(await counted(api)).toEqual({
      'ses hard_bounce': 1,
      'ses repeated': 9,
      'sendgrid delivered': 1,
      'sendgrid repeated': 19,
      'brevo delivered': 1,
      'brevo repeated': 9,
    });
  });

  test('two of Brevo that differ in what happened, to whom or when are two', async () => {
    const api = await startApi();
    const others = [
      {},
      { event: 'spam' },
      { email: 'b@example.org' },
      { ts_event: 1 },
      { 'message-id': '<2>' },
    ];
    await postWebhook(api, fromBrevo(others.map((changes) => ({ ...BREVO_DELIVERED, ...changes }))));
    expect(await stored(api)).toHaveLength(others.length);
  });

  test('in batches of 1,000, of which a bad one keeps nothing from us', async () => {
    const api = await startApi();
    const batch = Array.from({ length: 1_000 }, (_, index) => ({
      ...SENDGRID_DELIVERED,
      sg_event_id: `e${index}`,
    }));
    const answer = await postWebhook(api, fromSendGrid([...batch, 'no event', { event: 'bounce' }]));
    expect(answer).toMatchObject({ status: 200, body: { data: { received: 1_000, stored: 1_000 } } });
    expect(await counted(api)).toEqual({ 'sendgrid delivered': 1_000, 'sendgrid unreadable': 2 });
    expect(api.log).toContainEqual(expect.objectContaining({ provider: 'sendgrid', entries: 2 }));
  });

  test('and texts are stored as Postgres can hold them', async () => {
    const api = await startApi();
    const odd = {
      ...SENDGRID_DELIVERED,
      event: 'bounce',
      reason: 'a\u0000b\ud800c',
      email: 'x'.repeat(5_000),
      sg_message_id: { $ne: 1 },
      email_send_id: "'; drop table",
      timestamp: 9e15,
    };
    expect(await postWebhook(api, fromSendGrid([odd]))).toMatchObject({ status: 200 });
    expect(await stored(api)).toMatchObject([
      {
        messageId: null,
        emailSendId: null,
        occurredAt: null,
        recipient: 'x'.repeat(320),
        payload: { detail: 'ab\ufffdc' },
      },
    ]);
  });
});

describe("what is not proven to be the provider's is a 401, leaves an audit row and nothing else", () => {
  const without = ({ headers, ...post }: WebhookPost, name: string): WebhookPost => ({
    ...post,
    headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)),
  });
  const changed = (post: WebhookPost, from: string, to: string): WebhookPost => ({
    ...post,
    body: String(post.body).replace(from, to),
  });
  const HOUR_MS = 3_600_000;
  const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS);
  const cases: [string, () => WebhookPost, string][] = [
    [
      'SES: another bounce',
      () => changed(fromSes(amazon, BOUNCE), 'user unknown', 'user known'),
      'wrong signature',
    ],
    [
      'SES: no signature',
      () => changed(fromSes(amazon, BOUNCE), '"Signature":"', '"Signature":"AAAA'),
      'wrong signature',
    ],
    [
      'SES: another topic',
      () => fromSes(amazon, BOUNCE, { TopicArn: `${TOPIC_ARN}-2` }),
      'a topic that SES_SNS_TOPIC_ARNS does not name',
    ],
    [
      'SES: a certificate of elsewhere',
      () => fromSes(amazon, BOUNCE, { SigningCertURL: 'https://evil.example/a.pem' }),
      'its certificate: it does not lie at sns.eu-west-1.amazonaws.com',
    ],
    [
      'SES: too old',
      () => fromSes(amazon, BOUNCE, { Timestamp: ago(26).toISOString() }),
      'signed too long ago, or in the future',
    ],
    [
      'SES: another topic wants to be confirmed',
      () =>
        fromSns(amazon, {
          Type: 'SubscriptionConfirmation',
          TopicArn: 'arn:aws:sns:eu-west-1:999999999999:evil',
          SubscribeURL: 'https://evil.example',
          Token: 't',
        }),
      'a topic that SES_SNS_TOPIC_ARNS does not name',
    ],
    [
      'SendGrid: another event',
      () => changed(fromSendGrid([SENDGRID_DELIVERED]), 'delivered', 'bounce'),
      'wrong signature',
    ],
    [
      'SendGrid: another time',
      () => {
        const post = fromSendGrid([SENDGRID_DELIVERED]);
        return { ...post, headers: { ...post.headers, 'x-twilio-email-event-webhook-timestamp': '1' } };
      },
      'wrong signature',
    ],
    [
      'SendGrid: no signature',
      () => without(fromSendGrid([SENDGRID_DELIVERED]), 'x-twilio-email-event-webhook-signature'),
      'not signed',
    ],
    [
      'SendGrid: too old',
      () => fromSendGrid([SENDGRID_DELIVERED], ago(26)),
      'signed too long ago, or in the future',
    ],
    [
      'SendGrid: in the future',
      () => fromSendGrid([SENDGRID_DELIVERED], ago(-1)),
      'signed too long ago, or in the future',
    ],
    ['Brevo: no token', () => without(fromBrevo(BREVO_DELIVERED), 'authorization'), 'no credential'],
    ['Brevo: another token', () => fromBrevo(BREVO_DELIVERED, `${BREVO_TOKEN}b`), 'wrong credential'],
  ];
  test.each(cases)('%s', async (_what, make, reason) => {
    const api = await startApi();
    const post = make();
    const answer = await postWebhook(api, post);
    expect(answer).toMatchObject({
      status: 401,
      body: { success: false, error: { code: 'AUTHENTICATION_ERROR' } },
    });
    expect(JSON.stringify(answer.body)).not.toContain(reason);
    expect(await stored(api)).toEqual([]);
    expect(await audited(api)).toMatchObject([
      {
        eventType: 'email.webhook_refused',
        metadata: { operationId: 'receiveEmailEvents', id: post.provider, reason },
      },
    ]);
    expect(amazon.requests.filter((url) => url.includes('Confirm'))).toEqual([]);
  });

  test('a repetition within a day is taken: providers try again for so long', async () => {
    const api = await startApi();
    expect(await postWebhook(api, fromSendGrid([SENDGRID_DELIVERED], ago(24)))).toMatchObject({
      status: 200,
    });
  });
});

test.each([
  ['ses', () => fromSns(amazon, {}), '{'],
  ['ses', () => fromSns(amazon, {}), '[]'],
  ['ses', () => fromSns(amazon, {}), JSON.stringify(BOUNCE)],
  ['brevo', () => fromBrevo({}), ''],
  ['brevo', () => fromBrevo({}), '"text"'],
  ['brevo', () => fromBrevo({}), '[1, 2]'],
  ['brevo', () => fromBrevo({}), Buffer.from([0x22, 0xff, 0x22])],
  ['brevo', () => fromBrevo({}), `"${'x'.repeat(1_100_000)}"`],
  ['sendgrid', () => fromSendGrid('{'), undefined],
  ['sendgrid', () => fromSendGrid('{}'), undefined],
  ['sendgrid', () => fromSendGrid([{ event: 'bounce' }]), undefined],
  ['sendgrid', () => fromSendGrid(Array(5_001).fill(1)), undefined],
  ['ses', () => fromSns(amazon, { Message: 'no JSON' }), undefined],
  ['ses', () => fromSns(amazon, { Message: '{}' }), undefined],
])('%s: what cannot be read is a 400 that names the body (%#)', async (_provider, make, body) => {
  const api = await startApi();
  const post = make();
  expect(await postWebhook(api, body === undefined ? post : { ...post, body })).toMatchObject({
    status: 400,
    body: { success: false, error: { code: 'VALIDATION_ERROR', field: 'body' } },
  });
  expect(await stored(api)).toEqual([]);
});

test('a provider that is not set up, or that nobody knows, is no route', async () => {
  const api = await startTestApi();
  const nowhere = await postWebhook(api, { ...fromBrevo({}), provider: 'a/b' });
  for (const provider of ['brevo', 'sendgrid', 'ses', 'nobody', '__proto__']) {
    const answer = await postWebhook(api, { ...fromBrevo({}), provider });
    expect(answer.status).toBe(404);
    expect({ ...answer.body, meta: undefined }).toEqual({ ...nowhere.body, meta: undefined });
  }
});

describe('a subscription to a topic', () => {
  const confirmation = () =>
    fromSns(amazon, {
      Type: 'SubscriptionConfirmation',
      Token: 'the-token',
      SubscribeURL: 'https://evil.example/?Action=ConfirmSubscription',
    });

  test('that is named is confirmed where Amazon is, whatever address the message has, and audited', async () => {
    const api = await startApi();
    expect(await postWebhook(api, confirmation())).toMatchObject({ status: 200 });
    const url = new URL(amazon.requests.at(-1) ?? '', 'https://sns.test');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      Action: 'ConfirmSubscription',
      TopicArn: TOPIC_ARN,
      Token: 'the-token',
    });
    expect(await audited(api)).toMatchObject([
      { eventType: 'email.webhook_subscribed', metadata: { topicArn: TOPIC_ARN } },
    ]);
  });

  test('brings a greeting, which is no event, and its end is heard', async () => {
    const api = await startApi();
    const greeting = 'Successfully validated SNS topic for Amazon SES event publishing.';
    expect(await postWebhook(api, fromSns(amazon, { Message: greeting }))).toMatchObject({ status: 200 });
    const end = { Type: 'UnsubscribeConfirmation', Token: 't', SubscribeURL: 'https://x.example' };
    expect(await postWebhook(api, fromSns(amazon, end))).toMatchObject({ status: 200 });
    expect(await stored(api)).toEqual([]);
    expect(amazon.requests.filter((path) => path.includes('Confirm'))).toEqual([]);
  });
});

test('while Amazon has no answer the message is not taken, and when it has one it is', async () => {
  const api = await startApi();
  const post = fromSes(amazon, BOUNCE);
  amazon.serve({ status: 503, body: '' });
  expect(await postWebhook(api, post)).toMatchObject({
    status: 502,
    body: { error: { code: 'EXTERNAL_SERVICE_ERROR' } },
  });
  amazon.serve({ status: 404, body: '' });
  expect(await postWebhook(api, post)).toMatchObject({ status: 401 });
  amazon.serve({ status: 200, body: amazon.signer.pem });
  expect(await postWebhook(api, post)).toMatchObject({ status: 200 });
  expect(await stored(api)).toHaveLength(1);
});

test('what cannot be stored is not answered with 2xx', async () => {
  const api = await startApi({ databaseUrl: 'postgres://sv_app@127.0.0.1:1/nowhere' });
  expect(await postWebhook(api, fromBrevo(BREVO_DELIVERED))).toMatchObject({
    status: 503,
    body: { error: { code: 'SERVICE_UNAVAILABLE' } },
  });
});

describe('limits', () => {
  test('those who prove that they are a provider have one of their own', async () => {
    const api = await startApi({ rateLimits: { limits: { addressPerMinute: 1, webhookPerMinute: 3 } } });
    const answers = [];
    for (let index = 0; index < 4; index += 1)
      answers.push(await postWebhook(api, fromBrevo(BREVO_DELIVERED)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"webhook";q=3;w=60');
  });

  test('the others are anybody, and past the limit cost no row', async () => {
    const api = await startApi({ rateLimits: { limits: { addressPerMinute: 2 } } });
    const statuses = [];
    for (let index = 0; index < 5; index += 1) {
      statuses.push((await postWebhook(api, fromBrevo(BREVO_DELIVERED, 'wrong'))).status);
    }
    expect(statuses).toEqual([401, 401, 429, 429, 429]);
    expect(await api.db.write().$count(auditLogs, eq(auditLogs.eventType, 'email.webhook_refused'))).toBe(2);
    expect(await postWebhook(api, fromBrevo(BREVO_DELIVERED))).toMatchObject({ status: 200 });
  });
});
