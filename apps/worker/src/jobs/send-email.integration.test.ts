import { emailTemplates } from '@sv-sdk/db';
import { DeferJob } from '@sv-sdk/queue';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { relayBatch } from '../relay/relay.ts';
import { createRig, type Rig } from '../testing/rig.ts';
import { type SmtpSink, startSmtpSink } from '../testing/smtp-sink.ts';
import { CLAIM_LEASE_SECONDS } from './email-row.ts';

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

  it('is given up when nobody could be asked about it for a day', async () => {
    await sink.close();
    const id = await enqueueOne();
    await rig.change(id, { createdAt: new Date(Date.now() - 25 * 3600 * SECOND_MS) });
    await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'GiveUpJob' });
    expect(await rig.row(id)).toMatchObject({
      status: 'failed',
      errorMessage: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('has failed when its template is gone or has changed its variables', async () => {
    const [gone, changed] = [
      await enqueueOne(),
      await enqueueOne({ template: 'marketing', variables: marketing }),
    ];
    const templates = rig.db.write().update(emailTemplates);
    await templates.set({ isActive: false }).where(eq(emailTemplates.name, 'notification'));
    await rig.db
      .write()
      .update(emailTemplates)
      .set({ variables: ['brandNew'] })
      .where(eq(emailTemplates.name, 'marketing'));
    for (const id of [gone, changed]) {
      await expect(rig.send({ emailSendId: id })).rejects.toMatchObject({ name: 'GiveUpJob' });
    }
    expect((await rig.row(gone)).errorMessage).toBe('there is no active template "notification"');
    expect((await rig.row(changed)).errorMessage).toBe('the template "marketing" needs "brandNew"');
    expect(sink.received).toEqual([]);
  });

  it('is left alone while another worker holds it, and taken over when that one was not heard of again', async () => {
    const id = await enqueueOne();
    await rig.change(id, { claimedAt: new Date(), attempts: 1 });
    const refused = await rig.send({ emailSendId: id }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DeferJob);
    expect((refused as DeferJob).delayMs).toBeGreaterThan((CLAIM_LEASE_SECONDS - 5) * SECOND_MS);
    expect((refused as DeferJob).delayMs).toBeLessThan((CLAIM_LEASE_SECONDS + 5) * SECOND_MS);
    expect(sink.received).toEqual([]);

    await rig.change(id, { claimedAt: new Date(Date.now() - (CLAIM_LEASE_SECONDS + 1) * SECOND_MS) });
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
    await rig.change(id, { claimedAt: new Date(Date.now() - (CLAIM_LEASE_SECONDS + 1) * SECOND_MS) });
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

  it('waits for its time', async () => {
    const id = await enqueueOne({ sendAt: new Date(Date.now() + 2 * SECOND_MS) });
    expect(await relayBatch(rig)).toBe(1);
    rig.startWorker();
    expect(await rig.queue.bull.getJobState(id)).toBe('delayed');
    await expect.poll(() => status(id)).toBe('sent');
    const { sentAt, sendAt } = await rig.row(id);
    expect(sentAt?.getTime()).toBeGreaterThanOrEqual(sendAt?.getTime() ?? Number.POSITIVE_INFINITY);
  });
});

const marketing = {
  userName: 'Ada',
  subject: 'Offer',
  content: 'Cheap',
  unsubscribeUrl: 'https://example.org/unsubscribe',
};
