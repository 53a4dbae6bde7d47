import {
  createDatabase,
  emailAttachments,
  emailOutbox,
  emailPreferences,
  emailSuppressions,
  emailTemplates,
} from '@sv-sdk/db';
import { DeferJob } from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProviderError } from '../../providers/provider.ts';
import {
  createRig,
  LEASE_SECONDS,
  logger,
  PUBLIC_URL,
  type Rig,
  type RigOptions,
} from '../../testing/rig.ts';
import { type SmtpSink, startSmtpSink } from '../../testing/smtp-sink.ts';

const SECOND_MS = 1000;

describe('sending an email', () => {
  let redis: TestRedis;
  let sink: SmtpSink;
  let rig: Rig;
  beforeAll(async () => {
    redis = await startTestRedis('queue');
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    sink = await startSmtpSink();
    rig = await createRig({ redisUrl: redis.url, smtpUrl: sink.url });
  });
  afterEach(async () => {
    await rig.close();
    await sink.close();
  });
  const enqueueOne = async (...inputs: Parameters<Rig['enqueue']>) => {
    const [id] = await rig.enqueue(...(inputs.length === 0 ? [{}] : inputs));
    if (id === undefined) throw new Error('no email was accepted');
    return id;
  };
  const runQueue = () => {
    rig.startRelay();
    rig.startWorker();
  };
  const status = async (id: string) => (await rig.row(id)).status;
  const counted = async (result: string) => {
    const metric = await rig.registry.getSingleMetric('sv_email_sends_total')?.get();
    return metric?.values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  };
  const total = async (name: string) => (await rig.registry.getSingleMetric(name)?.get())?.values[0]?.value;

  it('takes its one row from queued to sent, in place', async () => {
    const id = await enqueueOne();
    const before = await rig.row(id);
    runQueue();
    await expect.poll(() => status(id)).toBe('sent');
    const after = await rig.row(id);
    expect(after).toEqual({
      ...before,
      status: 'sent',
      attempts: 1,
      provider: 'smtp',
      messageId: `<${id}@sv.example>`,
      sentAt: expect.any(Date),
      updatedAt: expect.any(Date),
    });
    expect(await rig.rows()).toHaveLength(1);
    expect(await rig.outboxCount()).toBe(0);
    expect(sink.received).toMatchObject([{ messageId: after.messageId, recipients: ['ada@example.org'] }]);
    expect(await counted('sent')).toBe(1);
  });

  it('brings HTML in a variable as text, and lets no line break add a header or a recipient', async () => {
    const id = await enqueueOne({
      variables: {
        name: '<img src=x onerror=alert(1)>',
        title: 'News\r\nBcc: eve@example.org\r\n\r\n<b>body</b>',
        message: 'one\r\n.\r\ntwo',
      },
    });
    await rig.send({ emailSendId: id });
    const [email] = sink.received;
    expect(email?.html).toContain('&lt;img src&#x3D;x onerror&#x3D;alert(1)&gt;');
    expect(email?.html).not.toContain('<img src=x');
    expect(email?.text).toContain('one\r\n.\r\ntwo');
    expect(email?.headers).toContain('Subject: News Bcc: eve@example.org <b>body</b>');
    expect(email?.headers.filter((line) => /^bcc:/i.test(line))).toEqual([]);
    expect(email?.recipients).toEqual(['ada@example.org']);
  });

  it('sends once when its job is delivered twice, at once and again later', async () => {
    const id = await enqueueOne();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = 0;
    sink.onMessage = async () => {
      arrived += 1;
      await held;
      return undefined;
    };
    const first = rig.send({ emailSendId: id });
    await expect.poll(() => arrived).toBe(1);
    await expect(rig.send({ emailSendId: id })).rejects.toBeInstanceOf(DeferJob);
    release();
    await first;
    await rig.send({ emailSendId: id });
    expect(sink.received).toHaveLength(1);
    expect(await rig.row(id)).toMatchObject({ status: 'sent', attempts: 1 });
    expect(await counted('skipped')).toBe(2);
  });

  it('tries again when the server answers 4xx, and is sent', async () => {
    const id = await enqueueOne();
    let refusals = 1;
    sink.onRecipient = () => (refusals-- > 0 ? { code: 451, reason: 'greylisted, come back' } : undefined);
    runQueue();
    await expect
      .poll(() => rig.row(id))
      .toMatchObject({
        errorMessage: expect.stringContaining('451 greylisted'),
      });
    expect(await rig.row(id)).toMatchObject({ status: 'queued', claimedAt: null, attempts: 1 });
    await expect.poll(() => status(id)).toBe('sent');
    expect(await rig.row(id)).toMatchObject({ attempts: 2, errorMessage: null });
    expect(await counted('retried')).toBe(1);
  });

  it('has failed, with the reason, when three attempts were answered with 4xx', async () => {
    const id = await enqueueOne();
    sink.onMessage = () => ({ code: 452, reason: 'mailbox full' });
    runQueue();
    await expect.poll(() => status(id)).toBe('failed');
    expect(await rig.row(id)).toMatchObject({
      attempts: 3,
      claimedAt: null,
      provider: 'smtp',
      failedAt: expect.any(Date),
      errorMessage: expect.stringContaining('452 mailbox full'),
    });
    await expect.poll(() => rig.queue.bull.getJobState(id)).toBe('failed');
  });

  it('has failed at once, with the reason, when the server answers 5xx', async () => {
    const id = await enqueueOne();
    sink.onRecipient = () => ({ code: 550, reason: 'no such user here' });
    runQueue();
    await expect.poll(() => status(id)).toBe('failed');
    expect(await rig.row(id)).toMatchObject({
      attempts: 1,
      errorMessage: expect.stringContaining('550 no such user here'),
    });
    await expect.poll(() => rig.queue.bull.getJobState(id)).toBe('failed');
    expect(sink.received).toEqual([]);
  });

  it('keeps addresses out of the queue, whatever the server repeats', async () => {
    const id = await enqueueOne();
    sink.onRecipient = (address) => ({ code: 550, reason: `<${address}>: user unknown` });
    runQueue();
    await expect.poll(() => rig.queue.bull.getJobState(id)).toBe('failed');
    expect((await rig.row(id)).errorMessage).toContain('<ada@example.org>: user unknown');
    const job = JSON.stringify(await rig.taking.hgetall(rig.queue.bull.toKey(id)));
    expect(job).toContain('<[address]>: user unknown');
    expect(job).not.toContain('ada@example.org');
  });

  it('loses no attempt while the server is away, and is sent when it is back', async () => {
    const { port } = sink;
    await sink.close();
    const id = await enqueueOne();
    runQueue();
    await expect
      .poll(() => rig.row(id))
      .toMatchObject({
        errorMessage: expect.stringContaining('ECONNREFUSED'),
      });
    expect(await rig.row(id)).toMatchObject({ status: 'queued', attempts: 0, claimedAt: null });
    sink = await startSmtpSink(port);
    await expect.poll(() => status(id)).toBe('sent');
    expect(sink.received).toHaveLength(1);
  });

  it('is written down once Postgres is back, and sent once, when that was away at the answer', async () => {
    const id = await enqueueOne();
    const answer = Promise.withResolvers<undefined>();
    let arrived = 0;
    sink.onMessage = () => {
      arrived += 1;
      return answer.promise;
    };
    const sending = rig.send({ emailSendId: id });
    await expect.poll(() => arrived).toBe(1);
    const postgres = await takeAway(rig);
    try {
      answer.resolve(undefined);
      await expect.poll(() => sink.received.length).toBe(1);
      await expect(rig.row(id)).rejects.toThrow();
      // Nor is an email to blame that can't be claimed.
      await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'DeferJob' });
    } finally {
      await postgres.giveBack();
    }
    await sending;
    expect(await rig.row(id)).toMatchObject({ status: 'sent', attempts: 1, uncertainAt: null });
    expect(await rig.unendedCount()).toBe(0);
  });

  it('is given up when nobody could be asked about it for a day', async () => {
    await sink.close();
    const id = await enqueueOne();
    await rig.db
      .write()
      .update(emailOutbox)
      .set({ dueAt: new Date(Date.now() - 25 * 3600 * SECOND_MS) })
      .where(eq(emailOutbox.emailSendId, id));
    await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'GiveUpJob' });
    expect(await rig.row(id)).toMatchObject({
      status: 'failed',
      errorMessage: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is sent as it was asked for, though its template has a newer version or is out of use', async () => {
    const id = await enqueueOne();
    const [first] = await rig.db.write().select().from(emailTemplates).where(isNotification);
    if (first === undefined) throw new Error('there is no template');
    await rig.db.write().update(emailTemplates).set({ isActive: false }).where(isNotification);
    const { id: _, ...copy } = first;
    await rig.db
      .write()
      .insert(emailTemplates)
      .values({ ...copy, version: 2, subject: 'Quite another', variables: ['brandNew'] });
    await rig.send({ emailSendId: id });
    expect(sink.received[0]?.headers).toContain('Subject: News');
  });

  it('has failed when its template is wrong', async () => {
    const id = await enqueueOne();
    await rig.db.write().update(emailTemplates).set({ subject: '{{{title}}}' }).where(isNotification);
    await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'GiveUpJob' });
    expect(await rig.row(id)).toMatchObject({
      status: 'failed',
      attempts: 1,
      provider: null,
      errorMessage: expect.stringContaining('the template "notification" is wrong'),
    });
    expect(await rig.attempts(id)).toMatchObject([{ number: 1, outcome: 'rejected', provider: null }]);
    expect(await total('sv_email_dead_letters_total')).toBe(1);
    expect(sink.received).toEqual([]);
  });

  it('is left alone while another worker holds it, and taken over when that one was not heard of again', async () => {
    const id = await enqueueOne();
    await rig.change(id, { claimedAt: new Date(), attempts: 1 });
    const refused = await rig.send({ emailSendId: id }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DeferJob);
    expect((refused as DeferJob).delayMs).toBeGreaterThan((LEASE_SECONDS - 5) * SECOND_MS);
    expect((refused as DeferJob).delayMs).toBeLessThan((LEASE_SECONDS + 5) * SECOND_MS);
    expect(sink.received).toEqual([]);

    await rig.change(id, { claimedAt: new Date(Date.now() - (LEASE_SECONDS + 1) * SECOND_MS) });
    await rig.send({ emailSendId: id });
    expect(await rig.row(id)).toMatchObject({ status: 'sent', attempts: 2, claimedAt: null });
  });

  it('does not let a worker that was taken for dead undo what its successor did', async () => {
    const id = await enqueueOne();
    let refuse = () => {};
    const verdict = new Promise<{ code: number; reason: string }>((resolve) => {
      refuse = () => resolve({ code: 554, reason: 'too late' });
    });
    let arrived = 0;
    sink.onMessage = () => (++arrived === 1 ? verdict : undefined);
    const slow = rig.send({ emailSendId: id }).catch(() => 'refused');
    await expect.poll(() => arrived).toBe(1);
    await rig.change(id, { claimedAt: new Date(Date.now() - (LEASE_SECONDS + 1) * SECOND_MS) });
    await rig.send({ emailSendId: id });
    refuse();
    await slow;
    expect(await rig.row(id)).toMatchObject({ status: 'sent', errorMessage: null });
  });

  it('is sent exactly once with four workers and four relays, and every row says so', async () => {
    const emails = 600;
    const others = await Promise.all([rig.another(), rig.another(), rig.another()]);
    try {
      const ids = await rig.enqueue(
        ...Array.from({ length: emails }, (_, n) => ({ to: `user${n}@example.org` })),
      );
      for (const one of [rig, ...others]) {
        one.startRelay();
        one.startWorker();
      }
      await expect
        .poll(async () => (await rig.rows()).filter((row) => row.status === 'sent').length)
        .toBe(emails);
      const rows = await rig.rows();
      expect(rows).toHaveLength(emails);
      expect(new Set(rows.map(({ attempts }) => attempts))).toEqual(new Set([1]));
      expect(sink.received).toHaveLength(emails);
      expect(sink.received.map(({ messageId }) => messageId).sort()).toEqual(
        ids.map((id) => `<${id}@sv.example>`).sort(),
      );
      expect(await rig.outboxCount()).toBe(0);
    } finally {
      for (const one of others) await one.close();
    }
  });

  it('goes to an address that is suppressed under no circumstances, and says so', async () => {
    const id = await enqueueOne({ to: 'Ada@Example.org' });
    await rig.db.write().insert(emailSuppressions).values({ email: 'ada@example.org', reason: 'complaint' });
    await rig.send({ emailSendId: id });
    expect(await rig.row(id)).toMatchObject({
      status: 'suppressed',
      suppressedAt: expect.any(Date),
      claimedAt: null,
      attempts: 0,
      errorMessage: 'the address is suppressed: complaint',
    });
    expect(await rig.unendedCount()).toBe(0);
    expect(await rig.attempts(id)).toEqual([]);
    expect(await counted('suppressed')).toBe(1);
    expect(await total('sv_email_suppressed_total')).toBe(1);
    expect(sink.received).toEqual([]);
  });

  it('spares who has unsubscribed marketing, and nothing else', async () => {
    const marketing = await enqueueOne(newsletter);
    const notification = await enqueueOne();
    await rig.db.write().update(emailPreferences).set({ marketing: false });
    for (const emailSendId of [marketing, notification]) await rig.send({ emailSendId });
    expect(await rig.row(marketing)).toMatchObject({
      status: 'suppressed',
      errorMessage: 'the recipient has unsubscribed',
    });
    expect(await status(notification)).toBe('sent');
  });

  it('lets whoever gets marketing unsubscribe by one click, and never puts that into other mail', async () => {
    await rig.send({ emailSendId: await enqueueOne(newsletter) });
    await rig.send({ emailSendId: await enqueueOne() });
    const [preferences] = await rig.db.write().select().from(emailPreferences);
    const url = `${PUBLIC_URL}/unsubscribe/${preferences?.unsubscribeToken}`;
    const [marketing, other] = sink.received;
    expect(marketing?.headers).toContain(`List-Unsubscribe: <${url}>`);
    expect(marketing?.headers).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click');
    expect(marketing?.text).toContain(url);
    expect(other?.headers.filter((line) => line.startsWith('List-'))).toEqual([]);
  });

  it('brings its attachments, in their order', async () => {
    const id = await enqueueOne();
    const file = (position: number, filename: string, content: string) => ({
      emailSendId: id,
      position,
      filename,
      contentType: 'text/csv',
      content: Buffer.from(content),
    });
    await rig.db
      .write()
      .insert(emailAttachments)
      .values([file(1, 'second.csv', 'b;2'), file(0, 'first.csv', 'a;1')]);
    await rig.send({ emailSendId: id });
    const raw = sink.received[0]?.raw ?? '';
    expect([...raw.matchAll(/filename=(\S+)/g)].map(([, name]) => name)).toEqual(['first.csv', 'second.csv']);
    expect(raw).toContain(Buffer.from('a;1').toString('base64'));
  });

  it('forgets what opens a door once it has gone out, and not before', async () => {
    await rig.db.write().update(emailTemplates).set({ holdsSecrets: true }).where(isNotification);
    const [sent, failed, other] = [
      await enqueueOne(),
      await enqueueOne({ to: 'gone@example.org' }),
      await enqueueOne(newsletter),
    ];
    sink.onRecipient = (address) =>
      address.startsWith('gone') ? { code: 550, reason: 'no such user' } : undefined;
    for (const emailSendId of [sent, failed, other]) await rig.send({ emailSendId }).catch(() => 'given up');
    expect((await rig.row(sent)).variables).toEqual({});
    // For a replay.
    expect((await rig.row(failed)).variables).toMatchObject({ title: 'News' });
    expect((await rig.row(other)).variables).toMatchObject({ subject: 'Offer' });
  });

  it('logs every attempt', async () => {
    const id = await enqueueOne();
    let refusals = 2;
    sink.onRecipient = () => (refusals-- > 0 ? { code: 451, reason: 'greylisted' } : undefined);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await rig.send({ emailSendId: id }).catch((error: unknown) => error);
    }
    const smtp = { provider: 'smtp', startedAt: expect.any(Date), endedAt: expect.any(Date) };
    expect(await rig.attempts(id)).toMatchObject([
      { ...smtp, number: 1, outcome: 'refused', errorMessage: expect.stringContaining('451') },
      { ...smtp, number: 2, outcome: 'refused', errorMessage: expect.stringContaining('451') },
      { ...smtp, number: 3, outcome: 'sent', errorMessage: null, messageId: `<${id}@sv.example>` },
    ]);
  });
});

describe('an email that may have gone out', () => {
  let redis: TestRedis;
  let sink: SmtpSink;
  let rig: Rig;
  /** The server has the message, and its answer never comes. */
  let isAnswerLost: boolean;
  beforeAll(async () => {
    redis = await startTestRedis('queue');
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    isAnswerLost = true;
    sink = await startSmtpSink();
  });
  afterEach(async () => {
    await rig.close();
    await sink.close();
  });
  const start = async (sending: NonNullable<RigOptions['sending']> = {}) => {
    rig = await createRig({
      redisUrl: redis.url,
      smtpUrl: sink.url,
      sending,
      aroundSender: (sender) => ({
        ...sender,
        async send(email, signal) {
          const sent = await sender.send(email, signal);
          if (isAnswerLost) throw new ProviderError('uncertain', 'the connection was lost');
          return sent;
        },
      }),
    });
    const [id = ''] = await rig.enqueue({});
    return id;
  };
  const abandon = (id: string) =>
    rig.change(id, { claimedAt: new Date(Date.now() - (LEASE_SECONDS + 1) * SECOND_MS), attempts: 1 });
  const uncertain = async () => {
    const metric = await rig.registry.getSingleMetric('sv_email_uncertain_total')?.get();
    return metric?.values[0]?.value;
  };

  it('is sent again, and stays marked', async () => {
    const id = await start();
    await expect(rig.send({ emailSendId: id })).rejects.toThrow('the connection was lost');
    expect(await rig.row(id)).toMatchObject({
      status: 'queued',
      attempts: 1,
      claimedAt: null,
      uncertainAt: expect.any(Date),
    });
    isAnswerLost = false;
    await rig.send({ emailSendId: id });
    expect(await rig.row(id)).toMatchObject({ status: 'sent', attempts: 2, uncertainAt: expect.any(Date) });
    expect((await rig.attempts(id)).map(({ outcome }) => outcome)).toEqual(['uncertain', 'sent']);
    expect(sink.received).toHaveLength(2);
    expect(await uncertain()).toBe(1);
  });

  it('has its end there when it must not be repeated', async () => {
    const id = await start({ retryUncertain: false });
    await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'GiveUpJob' });
    expect(await rig.row(id)).toMatchObject({
      status: 'uncertain',
      uncertainAt: expect.any(Date),
      errorMessage: 'the connection was lost',
    });
    expect(await rig.unendedCount()).toBe(0);
    await rig.send({ emailSendId: id });
    expect(sink.received).toHaveLength(1);
  });

  it('is uncertain in the end, and not failed, when its last attempt was', async () => {
    const id = await start();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await rig.send({ emailSendId: id }).catch((error: unknown) => error);
    }
    expect(await rig.row(id)).toMatchObject({ status: 'uncertain', attempts: 3 });
    expect(await rig.unendedCount()).toBe(0);
  });

  it('is one whose worker was not heard of again', async () => {
    const id = await start();
    isAnswerLost = false;
    await abandon(id);
    await rig.send({ emailSendId: id });
    expect(await rig.row(id)).toMatchObject({ status: 'sent', attempts: 2, uncertainAt: expect.any(Date) });
    expect((await rig.attempts(id)).map(({ outcome }) => outcome)).toEqual(['abandoned', 'sent']);
    expect(await uncertain()).toBe(1);
  });

  it('is not tried again after its worker, when it must not be repeated', async () => {
    const id = await start({ retryUncertain: false });
    await abandon(id);
    await rig.send({ emailSendId: id });
    expect(await rig.row(id)).toMatchObject({
      status: 'uncertain',
      attempts: 1,
      claimedAt: null,
      uncertainAt: expect.any(Date),
    });
    expect(await rig.attempts(id)).toMatchObject([{ outcome: 'abandoned' }]);
    expect(await rig.unendedCount()).toBe(0);
    expect(sink.received).toEqual([]);
  });

  it('is given up when it has taken ten workers with it', async () => {
    const id = await start();
    await abandon(id);
    await rig.change(id, { attempts: 10 });
    await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'GiveUpJob' });
    expect(await rig.row(id)).toMatchObject({ status: 'failed', uncertainAt: expect.any(Date) });
    expect(sink.received).toEqual([]);
  });
});

describe('stopping', () => {
  let redis: TestRedis;
  let sink: SmtpSink;
  let rig: Rig;
  beforeAll(async () => {
    redis = await startTestRedis('queue');
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    sink = await startSmtpSink();
    rig = await createRig({ redisUrl: redis.url, smtpUrl: sink.url });
  });
  afterEach(async () => {
    await rig.close();
    await sink.close();
  });

  it('waits for the emails that a provider has in hand, and takes no other', async () => {
    const [inHand = '', next = ''] = await rig.enqueue({}, {});
    const untouched = await rig.row(next);
    const answer = Promise.withResolvers<undefined>();
    let arrived = 0;
    sink.onMessage = () => {
      arrived += 1;
      return answer.promise;
    };
    const sending = rig.send({ emailSendId: inHand });
    await expect.poll(() => arrived).toBe(1);
    let isStopped = false;
    const stopping = rig.sendEmail.stop(60_000).then(() => {
      isStopped = true;
    });
    await expect(rig.send({ emailSendId: next })).rejects.toMatchObject({ name: 'DeferJob', delayMs: 0 });
    expect(isStopped).toBe(false);
    answer.resolve(undefined);
    await sending;
    await stopping;
    expect(await rig.row(inHand)).toMatchObject({ status: 'sent', uncertainAt: null });
    expect(await rig.row(next)).toEqual(untouched);
  });

  it('gives back at once, uncounted, what no provider was asked about', async () => {
    const ids = await rig.enqueue({}, {}, {});
    const jobs = ids.map((emailSendId) => rig.send({ emailSendId }).catch((error: unknown) => error));
    await rig.sendEmail.stop(60_000);
    for (const error of await Promise.all(jobs))
      expect(error).toMatchObject({ name: 'DeferJob', delayMs: 0 });
    for (const row of await rig.rows()) {
      expect(row).toMatchObject({ status: 'queued', attempts: 0, claimedAt: null, uncertainAt: null });
    }
    expect(sink.received).toEqual([]);
  });

  it('marks as uncertain what a provider has in hand at the end of its grace, and hands it on at once', async () => {
    const [id = ''] = await rig.enqueue({});
    const answer = Promise.withResolvers<undefined>();
    let arrived = 0;
    sink.onMessage = () => {
      arrived += 1;
      return answer.promise;
    };
    const sending = rig.send({ emailSendId: id }).catch((error: unknown) => error);
    await expect.poll(() => arrived).toBe(1);
    await rig.sendEmail.stop(10);
    expect(await sending).toMatchObject({ name: 'DeferJob', delayMs: 0 });
    expect(await rig.row(id)).toMatchObject({
      status: 'queued',
      attempts: 1,
      claimedAt: null,
      uncertainAt: expect.any(Date),
    });
    expect(await rig.attempts(id)).toMatchObject([{ outcome: 'uncertain' }]);
    answer.resolve(undefined);
  });
});

/** Ends all connections to the rig's database, and lets no new one in until it is given back. */
async function takeAway({ server }: Rig) {
  const url = new URL(server.adminUrl);
  url.pathname = '/postgres';
  const admin = createDatabase({
    primaryUrl: url.href,
    poolMin: 0,
    poolMax: 1,
    logger,
    registry: new Registry(),
  });
  const allow = (isAllowed: boolean) =>
    admin.write().execute(`alter database ${server.name} allow_connections ${isAllowed}`);
  await allow(false);
  await admin
    .write()
    .execute(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${server.name}'`);
  return {
    async giveBack() {
      await allow(true);
      await admin.close();
    },
  };
}

const isNotification = eq(emailTemplates.name, 'notification');

const newsletter = {
  template: 'marketing',
  variables: { userName: 'Ada', subject: 'Offer', content: 'Cheap' },
};
