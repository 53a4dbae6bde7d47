import { loadConfig } from '@sv-sdk/config';
import { createProducerConnection, type QueueConnection, untilConnected } from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { outgoingEmail } from '../testing/outgoing-email.ts';
import { startProviderServer } from '../testing/provider-server.ts';
import { createBrevoProvider } from './brevo.ts';
import { createRateLimit } from './rate-limit.ts';
import { createEmailSender, routeEmails } from './sender.ts';
import { SENDER_SETTINGS } from './settings.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
const sender = { name: 'SV-SDK', address: 'noreply@sv.example', domain: 'sv.example' };
const SECOND_MS = 1000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis('queue');
});
afterAll(() => redis.stop());

let connection: QueueConnection;
beforeEach(async () => {
  connection = await connect();
  await connection.flushall();
});

async function connect(): Promise<QueueConnection> {
  const opened = createProducerConnection(redis.url, logger);
  onTestFinished(() => opened.disconnect());
  await untilConnected(opened);
  return opened;
}

const limitOf = (perSecond: number, over = connection) =>
  createRateLimit({ connection: over, name: 'ses', perSecond, logger });

describe('the rate of a provider', () => {
  it('is one for all workers: what three of them send together is never more than it in any second', async () => {
    const perSecond = 25;
    const server = await startProviderServer();
    onTestFinished(() => server.close());
    server.answer = () => ({ status: 201, body: { messageId: '<1@brevo>' } });
    const workers = await Promise.all(
      Array.from({ length: 3 }, async () =>
        routeEmails(
          [
            {
              provider: createBrevoProvider({ apiUrl: server.url, apiKey: 'key', sender }),
              concurrency: 10,
              rateLimit: limitOf(perSecond, await connect()),
            },
          ],
          { sendTimeoutSeconds: 60, registry: new Registry(), logger },
        ),
      ),
    );
    await Promise.all(
      workers.flatMap((worker) => Array.from({ length: 25 }, () => worker.send(outgoingEmail()))),
    );
    const moments = server.received.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
    expect(moments).toHaveLength(75);
    const inSecondFrom = (fromMs: number) =>
      moments.filter((atMs) => atMs >= fromMs && atMs < fromMs + SECOND_MS).length;
    // Timers and the way to the server are not exact: 2 of 25 may slip over the edge of a second.
    expect(Math.max(...moments.map(inSecondFrom))).toBeLessThanOrEqual(perSecond + 2);
    const tookSeconds = ((moments.at(-1) ?? 0) - (moments[0] ?? 0)) / SECOND_MS;
    // And no slower than it may be.
    expect(tookSeconds).toBeGreaterThan(2.8);
    expect(tookSeconds).toBeLessThan(4.5);
  });

  it('gives moments that stand apart by its interval, to whoever asks', async () => {
    const [a, b] = [limitOf(10), limitOf(10, await connect())];
    const reservations = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? a : b).reserve(60_000)),
    );
    const waitsMs = reservations.map(({ waitMs }) => waitMs).toSorted((x, y) => x - y);
    expect(reservations.every(({ granted }) => granted)).toBe(true);
    // Asked at the same moment, but for the milliseconds of the way.
    for (const [index, waitMs] of waitsMs.entries()) expect(Math.abs(waitMs - index * 100)).toBeLessThan(90);
  });

  it('grants no more than fits into the time that one may wait, and says when there is room', async () => {
    const limit = limitOf(10);
    const reservations = await Promise.all(Array.from({ length: 20 }, () => limit.reserve(1000)));
    expect(reservations.filter(({ granted }) => granted)).toHaveLength(11);
    const refused = await limit.reserve(0);
    expect(refused.granted).toBe(false);
    expect(refused.waitMs).toBeGreaterThan(500);
    expect(refused.waitMs).toBeLessThanOrEqual(1100);
  });

  it('leaves nothing in Redis once it is over', async () => {
    await limitOf(1000).reserve(1000);
    const keys = await connection.keys('*');
    expect(keys).toEqual(['sv:email-rate:ses']);
    expect(await connection.pttl('sv:email-rate:ses')).toBeGreaterThan(0);
  });

  it('is kept by each process alone while Redis is away', async () => {
    const away = createProducerConnection('redis://127.0.0.1:2', logger);
    onTestFinished(() => away.disconnect());
    const limit = limitOf(10, away);
    const reservations = await Promise.all(Array.from({ length: 5 }, () => limit.reserve(60_000)));
    const later = await limit.reserve(60_000);
    expect(reservations.map(({ waitMs }) => Math.round(waitMs))).toEqual([0, 100, 200, 300, 400]);
    expect(later.waitMs).toBeGreaterThan(300);
    expect(later.waitMs).toBeLessThanOrEqual(500);
  });
});

it('is taken from the settings, as provider and fallback are', async () => {
  const server = await startProviderServer();
  onTestFinished(() => server.close());
  server.answer = () => ({ status: 202, headers: { 'x-message-id': '1' } });
  const config = loadConfig(SENDER_SETTINGS, {
    EMAIL_FROM: 'SV-SDK <noreply@sv.example>',
    EMAIL_PROVIDER: 'sendgrid',
    EMAIL_FALLBACK_PROVIDER: 'mock',
    EMAIL_RATE_PER_SECOND_SENDGRID: '10',
    SENDGRID_API_KEY: 'key',
    SENDGRID_API_URL: server.url,
  });
  const emails = await createEmailSender({ config, connection, registry: new Registry(), logger });
  expect(emails.names).toEqual(['sendgrid', 'mock']);
  const sent = await Promise.all(Array.from({ length: 4 }, () => emails.send(outgoingEmail())));
  expect(sent).toEqual(Array.from({ length: 4 }, () => ({ provider: 'sendgrid', messageId: '1' })));
  const [first, last] = [server.received[0], server.received[3]];
  expect((last?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(250);
  await emails.close();
});
