import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { type Answer, type ProviderServer, startProviderServer } from '../testing/provider-server.ts';
import { createBrevoProvider } from './brevo.ts';
import { createMockProvider } from './mock.ts';
import { type EmailSender, type Route, routeEmails } from './sender.ts';
import { createSendGridProvider } from './sendgrid.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
const from = { name: 'SV-SDK', address: 'noreply@sv.example', domain: 'sv.example' };

const BREVO_TAKES: Answer = { status: 201, body: { messageId: '<1@brevo>' } };
const SENDGRID_TAKES: Answer = { status: 202, headers: { 'x-message-id': '1' } };
const OUTAGE: Answer = { status: 503, body: 'Service Unavailable' };
const throttle = (seconds: number): Answer => ({ status: 429, headers: { 'retry-after': String(seconds) } });

let brevo: ProviderServer;
let sendgrid: ProviderServer;
let registry: Registry;
beforeEach(async () => {
  registry = new Registry();
  brevo = await startProviderServer();
  brevo.answer = () => BREVO_TAKES;
  sendgrid = await startProviderServer();
  sendgrid.answer = () => SENDGRID_TAKES;
  return () => Promise.all([brevo.close(), sendgrid.close()]);
});

/** Brevo, and SendGrid where there is a fallback. */
function start(
  options: { fallback?: boolean; concurrency?: number; sendTimeoutSeconds?: number } = {},
): EmailSender {
  const { fallback = false, concurrency = 50, sendTimeoutSeconds = 60 } = options;
  const routes: Route[] = [
    { provider: createBrevoProvider({ apiUrl: brevo.url, apiKey: 'key', sender: from }), concurrency },
  ];
  if (fallback) {
    const provider = createSendGridProvider({ apiUrl: sendgrid.url, apiKey: 'key', sender: from });
    routes.push({ provider, concurrency });
  }
  const sender = routeEmails(routes, { sendTimeoutSeconds, registry, logger });
  onTestFinished(() => sender.close());
  return sender;
}

const sendMany = (sender: EmailSender, count: number, signal?: AbortSignal) =>
  Promise.all(Array.from({ length: count }, () => outcome(sender.send(outgoingEmail(), signal))));

/** The provider that took it, or the failure. */
const outcome = (sending: ReturnType<EmailSender['send']>): Promise<string> =>
  sending.then(
    ({ provider }) => provider,
    (error: { failure: string }) => error.failure,
  );

async function gauge(provider: string): Promise<number | undefined> {
  const metric = await registry.getSingleMetric('sv_email_provider_circuit_open')?.get();
  return metric?.values.find(({ labels }) => labels['provider'] === provider)?.value;
}

it('answers with the provider and its message id, and fails with the name of who failed', async () => {
  const sender = start({ fallback: true });
  expect(sender.names).toEqual(['brevo', 'sendgrid']);
  expect(await sender.send(outgoingEmail())).toEqual({ provider: 'brevo', messageId: '<1@brevo>' });
  brevo.answer = () => OUTAGE;
  await expect(sender.send(outgoingEmail())).rejects.toMatchObject({
    provider: 'brevo',
    failure: 'unavailable',
  });
  expect(sendgrid.received).toHaveLength(0);
});

it('lets nothing out that could be a header or a second recipient', async () => {
  const sender = start();
  for (const to of [
    'ada@example.org, eve@example.org',
    'ada@example.org\r\nBcc: eve@example.org',
    'Ada <a@b.c>',
  ]) {
    await expect(sender.send(outgoingEmail({ to }))).rejects.toMatchObject({ failure: 'rejected' });
  }
  expect(brevo.received).toHaveLength(0);
  await sender.send(outgoingEmail({ subject: 'Hello\r\nBcc: eve@example.org' }));
  expect(JSON.parse(brevo.received[0]?.body ?? '')).toMatchObject({ subject: 'Hello Bcc: eve@example.org' });
});

describe('the circuit', () => {
  it('opens after five failures in a row: the fallback sends until the provider is back', async () => {
    const sender = start({ fallback: true });
    brevo.answer = () => OUTAGE;
    for (let count = 0; count < 5; count += 1)
      expect(await outcome(sender.send(outgoingEmail()))).toBe('unavailable');
    expect(await gauge('brevo')).toBe(1);
    expect(await sendMany(sender, 20)).toEqual(Array.from({ length: 20 }, () => 'sendgrid'));
    expect(brevo.received).toHaveLength(5);

    brevo.answer = () => BREVO_TAKES;
    await expect.poll(() => outcome(sender.send(outgoingEmail()))).toBe('brevo');
    expect(await gauge('brevo')).toBe(0);
    expect(await sendMany(sender, 5)).toEqual(Array.from({ length: 5 }, () => 'brevo'));
  });

  it('is tried by one email at a time; the others wait for it, and go out once the provider is back', async () => {
    const sender = start();
    brevo.answer = () => OUTAGE;
    await sendMany(sender, 5);
    const waiting = sendMany(sender, 30);
    // The first look comes after 2 s.
    await expect.poll(() => brevo.received.length).toBe(6);
    brevo.answer = () => BREVO_TAKES;
    const results = await waiting;
    // The one that looked, in vain.
    expect(results.filter((result) => result === 'unavailable')).toHaveLength(1);
    expect(results.filter((result) => result === 'brevo')).toHaveLength(29);
    expect(brevo.received).toHaveLength(35);
  });

  it('stays closed for what is about an email: rejections and refusals', async () => {
    const sender = start({ fallback: true });
    brevo.answer = () => ({
      status: 400,
      body: { code: 'invalid_parameter', message: 'email is not valid in to' },
    });
    expect(new Set(await sendMany(sender, 20))).toEqual(new Set(['rejected']));
    expect(await gauge('brevo')).toBe(0);
  });

  it('opens for answers that are lost, too', async () => {
    const sender = start({ fallback: true });
    brevo.answer = () => 'hang up';
    expect(new Set(await sendMany(sender, 5))).toEqual(new Set(['uncertain']));
    expect(await outcome(sender.send(outgoingEmail()))).toBe('sendgrid');
  });

  it('hands an email back when both are open for longer than it may wait', async () => {
    const sender = start({ fallback: true, sendTimeoutSeconds: 2 });
    brevo.answer = () => OUTAGE;
    sendgrid.answer = () => OUTAGE;
    await sendMany(sender, 5);
    await sendMany(sender, 5);
    await expect(sender.send(outgoingEmail())).rejects.toMatchObject({
      failure: 'unavailable',
      retryAfterSeconds: expect.any(Number),
    });
    expect(brevo.received.length + sendgrid.received.length).toBe(10);
  });
});

describe('a throttle', () => {
  it('that is short is waited for, with no email lost to it and no circuit opened', async () => {
    const sender = start({ fallback: true });
    let throttled = 0;
    brevo.answer = () => {
      throttled += 1;
      return throttled <= 10 ? throttle(1) : BREVO_TAKES;
    };
    expect(new Set(await sendMany(sender, 10))).toEqual(new Set(['brevo']));
    const [first, second] = [brevo.received[0], brevo.received[10]];
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
    expect(sendgrid.received).toHaveLength(0);
    expect(await gauge('brevo')).toBe(0);
  });

  it('that is longer than an email may wait sends it to the fallback, or back to the queue with the time', async () => {
    const alone = start({ sendTimeoutSeconds: 10 });
    registry = new Registry();
    const backed = start({ fallback: true, sendTimeoutSeconds: 10 });
    brevo.answer = () => throttle(600);
    for (const sender of [alone, backed]) {
      await expect(sender.send(outgoingEmail())).rejects.toMatchObject({
        failure: 'unavailable',
        retryAfterSeconds: 600,
      });
    }
    expect(await outcome(backed.send(outgoingEmail()))).toBe('sendgrid');
    await expect(alone.send(outgoingEmail())).rejects.toMatchObject({
      retryAfterSeconds: expect.any(Number),
    });
    expect(brevo.received).toHaveLength(2);
  });
});

it('keeps to the concurrency', async () => {
  const sender = start({ concurrency: 3 });
  // Nothing is answered before three are there; a fourth would have come by then.
  const { promise, resolve } = Promise.withResolvers<void>();
  brevo.answer = async () => {
    if (brevo.received.length === 3) resolve();
    await promise;
    return BREVO_TAKES;
  };
  expect(new Set(await sendMany(sender, 30))).toEqual(new Set(['brevo']));
  expect(brevo.mostAtOnce).toBe(3);
});

describe('time', () => {
  it('ends the wait for a turn at half the send timeout, and the wait for an answer at the whole', async () => {
    const sender = start({ concurrency: 1, sendTimeoutSeconds: 1 });
    brevo.answer = () => 'hang';
    const startMs = performance.now();
    const [inHand, waiting] = [outcome(sender.send(outgoingEmail())), outcome(sender.send(outgoingEmail()))];
    expect(await waiting).toBe('unavailable');
    const waitedMs = performance.now() - startMs;
    expect(await inHand).toBe('uncertain');
    expect(waitedMs).toBeGreaterThanOrEqual(490);
    expect(waitedMs).toBeLessThan(990);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(990);
    expect(brevo.received).toHaveLength(1);
  });

  it('is cut short by a signal: what waits is unavailable, what is in hand is uncertain; no circuit opens', async () => {
    const sender = start({ concurrency: 10 });
    brevo.answer = () => 'hang';
    const stop = new AbortController();
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const sending = sendMany(sender, 60, stop.signal);
    await expect.poll(() => brevo.received.length).toBe(10);
    stop.abort();
    const results = await sending;
    expect(results.filter((result) => result === 'uncertain')).toHaveLength(10);
    expect(results.filter((result) => result === 'unavailable')).toHaveLength(50);
    expect(await gauge('brevo')).toBe(0);
    expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([]);
  });

  it('of a hand-back: what waits and what comes later is unavailable, what is in hand goes out', async () => {
    const sender = start({ concurrency: 2 });
    const { promise, resolve } = Promise.withResolvers<void>();
    brevo.answer = () => promise.then(() => BREVO_TAKES);
    const sending = sendMany(sender, 6);
    await expect.poll(() => brevo.received.length).toBe(2);
    sender.handBack();
    expect(await outcome(sender.send(outgoingEmail()))).toBe('unavailable');
    resolve();
    expect((await sending).toSorted()).toEqual([
      'brevo',
      'brevo',
      ...Array.from({ length: 4 }, () => 'unavailable'),
    ]);
    expect(brevo.received).toHaveLength(2);
  });
});

it('sends nothing with mock, which fails by the addresses of the document', async () => {
  const sender = routeEmails([{ provider: createMockProvider(), concurrency: 5 }], {
    sendTimeoutSeconds: 1,
    registry,
    logger,
  });
  const to = (domain: string) => outcome(sender.send(outgoingEmail({ to: `ada@${domain}` })));
  expect(await to('example.org')).toBe('mock');
  expect(await to('rejected.test')).toBe('rejected');
  expect(await to('refused.test')).toBe('refused');
  expect(await to('unavailable.test')).toBe('unavailable');
  expect(await to('uncertain.test')).toBe('uncertain');
  expect(await to('hang.test')).toBe('uncertain');
  expect(await to('throttled.test')).toBe('unavailable');
});
