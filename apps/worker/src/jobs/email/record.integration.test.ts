import { emailSends, emailTemplates } from '@sv-sdk/db';
import { startTestRedis, type TestRedis } from '@sv-sdk/queue/testing';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRig, LEASE_SECONDS, type Rig } from '../../testing/rig.ts';
import { type SmtpSink, startSmtpSink } from '../../testing/smtp-sink.ts';
import { type ClaimedEmail, claimEmails } from './claim.ts';
import { type Outcome, recordOutcomes } from './record.ts';

const options = { leaseSeconds: LEASE_SECONDS, retryUncertain: true };
const longAgo = () => new Date(Date.now() - (LEASE_SECONDS + 1) * 1000);

describe('claims and records of many emails at once', () => {
  let redis: TestRedis;
  let sink: SmtpSink;
  let rig: Rig;
  beforeAll(async () => {
    redis = await startTestRedis('queue');
    sink = await startSmtpSink();
  });
  afterAll(() => Promise.all([redis.stop(), sink.close()]));
  beforeEach(async () => {
    rig = await createRig({ redisUrl: redis.url, smtpUrl: sink.url });
  });
  afterEach(() => rig.close());

  const many = (count: number) => rig.enqueue(...Array.from({ length: count }, () => ({})));
  const claim = async (id: string): Promise<ClaimedEmail> => {
    const [taken] = await claimEmails(rig.db, [id], options);
    if (taken?.outcome !== 'claimed') throw new Error(`${id} was not claimed: ${taken?.outcome}`);
    return taken.email;
  };
  const sent = (email: ClaimedEmail, messageId = '<1@sv.example>'): Outcome => ({
    email,
    result: 'sent',
    attempt: 'sent',
    provider: 'smtp',
    messageId,
  });
  const refused = (email: ClaimedEmail, error = 'no'): Outcome => ({
    email,
    result: 'failed',
    attempt: 'rejected',
    provider: 'smtp',
    error,
  });

  it('answer for each in order, whatever became of it', async () => {
    const [free = '', held = '', ended = '', suppressed = ''] = await many(4);
    await rig.change(held, { claimedAt: new Date() });
    await rig.change(ended, { status: 'cancelled' });
    await rig.change(suppressed, { recipient: 'eve@example.org' });
    await rig.db.write().execute(`insert into email.email_suppressions (id, email, reason)
      values ('s', 'eve@example.org', 'manual')`);
    const unknown = '019b0000-0000-7000-8000-000000000001';
    const claims = await claimEmails(rig.db, [unknown, suppressed, ended, held, free], options);
    expect(claims.map(({ outcome }) => outcome)).toEqual(['done', 'suppressed', 'done', 'held', 'claimed']);
  });

  it('give an email to one of two jobs that ask for it in one batch', async () => {
    const [id = ''] = await many(1);
    const claims = await claimEmails(rig.db, [id, id], options);
    expect(claims).toMatchObject([{ outcome: 'claimed' }, { outcome: 'held' }]);
    expect(await rig.row(id)).toMatchObject({ attempts: 1 });
  });

  it('give each email to one of many workers that ask for the same ones at the same moment', async () => {
    const ids = await many(200);
    const others = await Promise.all([rig.another(), rig.another()]);
    try {
      const asked = [ids, ids.toReversed(), ids.toSorted(() => Math.random() - 0.5)];
      const claims = await Promise.all(
        [rig, ...others].map(({ db }, index) => claimEmails(db, asked[index] ?? [], options)),
      );
      const taken = claims.flat().flatMap((one) => (one.outcome === 'claimed' ? one.email.id : []));
      expect(taken.toSorted()).toEqual(ids.toSorted());
      expect(claims.flat().filter(({ outcome }) => outcome === 'held')).toHaveLength(400);
    } finally {
      for (const other of others) await other.close();
    }
  });

  it('do not wait for a row that somebody changes at this moment', async () => {
    const [id = '', other = ''] = await many(2);
    await rig.db.withTx(async (tx) => {
      await tx.update(emailSends).set({ priority: 9 }).where(eq(emailSends.id, id));
      const claims = await claimEmails(rig.db, [id, other], options);
      expect(claims).toMatchObject([{ outcome: 'held', remainingMs: 0 }, { outcome: 'claimed' }]);
    });
  });

  it('write down every kind of end in one statement', async () => {
    const ids = await many(5);
    const [a, b, c, d, e] = await Promise.all(ids.map(claim));
    if (!a || !b || !c || !d || !e) throw new Error('not all were claimed');
    const stood = await recordOutcomes(rig.db, [
      sent(a),
      refused(b),
      { email: c, result: 'retry', attempt: 'refused', provider: 'smtp', error: 'later' },
      { email: d, result: 'released', attempt: undefined, error: 'away' },
      { email: e, result: 'uncertain', attempt: 'uncertain', provider: 'smtp', error: 'lost' },
    ]);
    expect(stood).toEqual([true, true, true, true, true]);
    const rows = await Promise.all(ids.map((id) => rig.row(id)));
    expect(rows.map(({ status, attempts }) => [status, attempts])).toEqual([
      ['sent', 1],
      ['failed', 1],
      ['queued', 1],
      ['queued', 0],
      ['uncertain', 1],
    ]);
    expect(rows.map(({ claimedAt }) => claimedAt)).toEqual([null, null, null, null, null]);
    expect(await rig.unendedCount()).toBe(2);
    const logged = (await Promise.all(ids.map((id) => rig.attempts(id)))).flat();
    expect(logged.map(({ outcome }) => outcome)).toEqual(['sent', 'rejected', 'refused', 'uncertain']);
  });

  it('change nothing when they are written a second time, as after an answer that got lost', async () => {
    const [id = ''] = await many(1);
    const outcome = sent(await claim(id));
    await recordOutcomes(rig.db, [outcome]);
    const before = await rig.row(id);
    await recordOutcomes(rig.db, [outcome]);
    expect(await rig.row(id)).toEqual({ ...before, updatedAt: expect.any(Date) });
    expect(await rig.attempts(id)).toHaveLength(1);
  });

  it('let only what was sent stand once the claim is lost', async () => {
    const [id = ''] = await many(1);
    const slow = await claim(id);
    await rig.change(id, { claimedAt: longAgo() });
    const successor = await claim(id);
    expect(await recordOutcomes(rig.db, [refused(slow)])).toEqual([false]);
    expect(await rig.row(id)).toMatchObject({ status: 'queued', attempts: 2 });
    expect((await rig.attempts(id)).map(({ outcome }) => outcome)).toEqual(['abandoned']);

    expect(await recordOutcomes(rig.db, [sent(slow)])).toEqual([true]);
    expect(await rig.row(id)).toMatchObject({
      status: 'sent',
      claimedAt: null,
      uncertainAt: expect.any(Date),
    });
    // What was taken for abandoned is known by now.
    expect((await rig.attempts(id)).map(({ outcome }) => outcome)).toEqual(['sent']);
    expect(await recordOutcomes(rig.db, [refused(successor)])).toEqual([false]);
    // Sent twice: the row has the first message, the log has both.
    await recordOutcomes(rig.db, [sent(successor, '<2@sv.example>')]);
    expect(await rig.row(id)).toMatchObject({ status: 'sent', messageId: '<1@sv.example>' });
    expect((await rig.attempts(id)).map(({ messageId }) => messageId)).toEqual([
      '<1@sv.example>',
      '<2@sv.example>',
    ]);
  });

  it('take two outcomes of one email in one batch', async () => {
    const [id = ''] = await many(1);
    const slow = await claim(id);
    await rig.change(id, { claimedAt: longAgo() });
    const successor = await claim(id);
    const stood = await recordOutcomes(rig.db, [
      { email: slow, result: 'retry', attempt: 'refused', error: 'no' },
      sent(successor, '<2@sv.example>'),
    ]);
    expect(stood).toEqual([false, true]);
    expect(await rig.row(id)).toMatchObject({ status: 'sent', messageId: '<2@sv.example>' });
  });

  it('never move a status back that a webhook has moved on', async () => {
    const [id = ''] = await many(1);
    const email = await claim(id);
    await rig.change(id, { status: 'bounced', errorMessage: 'no such user' });
    await recordOutcomes(rig.db, [sent(email)]);
    expect(await rig.row(id)).toMatchObject({
      status: 'bounced',
      errorMessage: 'no such user',
      provider: 'smtp',
      messageId: '<1@sv.example>',
      sentAt: expect.any(Date),
    });
  });

  it('store whatever a server answers', async () => {
    const [id = ''] = await many(1);
    await recordOutcomes(rig.db, [refused(await claim(id), `550 \0 ${'é'.repeat(5000)} \ud800`)]);
    const { errorMessage } = await rig.row(id);
    expect(errorMessage).toMatch(/^550 {2}é/);
    expect(errorMessage?.length).toBeLessThanOrEqual(2000);
  });

  it('forget the secrets of one that is suppressed', async () => {
    await rig.db.write().update(emailTemplates).set({ holdsSecrets: true });
    const [id = ''] = await many(1);
    await rig.db.write().execute(`insert into email.email_suppressions (id, email, reason)
      values ('s', 'ada@example.org', 'bounce')`);
    await claimEmails(rig.db, [id], options);
    expect(await rig.row(id)).toMatchObject({ status: 'suppressed', variables: {} });
  });
});
