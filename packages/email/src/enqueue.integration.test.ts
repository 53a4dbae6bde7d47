import {
  createDatabase,
  type Database,
  emailAttachments,
  emailOutbox,
  emailPreferences,
  emailSends,
  emailTemplates,
  users,
} from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmailInput, enqueueEmail, enqueueEmails } from './enqueue.ts';
import { seededTemplates, seedTemplates } from './seeds/index.ts';
import { UNSUBSCRIBE_TOKEN } from './unsubscribe.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });
const input = (overrides: Partial<EmailInput> = {}): EmailInput => ({
  to: 'ada@example.org',
  template: 'notification',
  variables: { name: 'Ada', title: 'News', message: 'It works' },
  ...overrides,
});

describe('taking emails in', () => {
  let server: TestDatabase;
  let db: Database;
  beforeEach(async () => {
    server = await createTestDatabase();
    db = createDatabase({
      primaryUrl: server.pooledUrl,
      poolMin: 0,
      poolMax: 4,
      logger,
      registry: new Registry(),
    });
    await db.withTx((tx) => seedTemplates(tx));
  });
  afterEach(async () => {
    await db.close();
    await server.drop();
  });
  const enqueue = (...inputs: EmailInput[]) => db.withTx((tx) => enqueueEmails(tx, inputs));
  const sends = () => db.write().select().from(emailSends);
  const outbox = () => db.write().select().from(emailOutbox);

  it('writes one row and one outbox row for each', async () => {
    const sendAt = new Date(Date.now() + 60_000);
    const accepted = await enqueue(input(), input({ to: 'bob@example.org', priority: 1, sendAt }));
    const rows = await sends();
    expect(rows.map(({ id }) => id).sort()).toEqual(accepted.map(({ id }) => id).sort());
    expect(rows.find(({ recipient }) => recipient === 'ada@example.org')).toMatchObject({
      status: 'queued',
      template: 'notification',
      locale: 'en',
      priority: 5,
      attempts: 0,
      sendAt: null,
      claimedAt: null,
      variables: { name: 'Ada', title: 'News', message: 'It works' },
    });
    expect(rows.find(({ recipient }) => recipient === 'bob@example.org')).toMatchObject({
      priority: 1,
      sendAt,
    });
    expect((await outbox()).map(({ emailSendId }) => emailSendId).sort()).toEqual(
      rows.map(({ id }) => id).sort(),
    );
  });

  it('leaves nothing when the caller’s transaction fails', async () => {
    const attempt = db.withTx(async (tx) => {
      await enqueueEmail(tx, input());
      throw new Error('changed my mind');
    });
    await expect(attempt).rejects.toThrow('changed my mind');
    expect(await sends()).toEqual([]);
    expect(await outbox()).toEqual([]);
  });

  it.each([
    ['an unknown template', { template: 'nonsense' }, 'template'],
    ['a missing variable', { variables: { name: 'Ada', title: 'News' } }, 'variables.message'],
    ['a null variable', { variables: { name: 'Ada', title: null, message: '' } }, 'variables.title'],
    ['a moment that is past', { sendAt: new Date(Date.now() - 1) }, 'sendAt'],
    ['no address', { to: 'nobody' }, 'to'],
    ['two addresses', { to: 'ada@example.org, bob@example.org' }, 'to'],
    ['a line break in the address', { to: 'ada@example.org\r\nBcc: bob@example.org' }, 'to'],
  ])('refuses %s with the field, and the whole batch with the index', async (_, overrides, field) => {
    const attempt = enqueue(input(), input(), input(overrides));
    await expect(attempt).rejects.toMatchObject({ name: 'EmailInputError', field, index: 2 });
    expect(await sends()).toEqual([]);
    expect(await outbox()).toEqual([]);
  });

  it('takes 1,000 in one transaction', async () => {
    const accepted = await enqueue(...Array.from({ length: 1000 }, () => input()));
    expect(new Set(accepted.map(({ id }) => id)).size).toBe(1000);
    expect(await outbox()).toHaveLength(1000);
  });

  it('is due when it is to be sent, and at once where nothing is said', async () => {
    const sendAt = new Date(Date.now() + 60_000);
    const [now, later] = await enqueue(input(), input({ sendAt }));
    const rows = await outbox();
    expect(rows.find(({ emailSendId }) => emailSendId === later?.id)?.dueAt).toEqual(sendAt);
    const first = (await sends()).find(({ id }) => id === now?.id);
    expect(rows.find(({ emailSendId }) => emailSendId === now?.id)?.dueAt).toEqual(first?.createdAt);
  });

  it('keeps what is attached, in its order and byte by byte', async () => {
    const attachments = [
      { filename: 'invoice.pdf', contentType: 'application/pdf', content: Buffer.from([0, 255, 10, 13]) },
      { filename: 'notes.txt', contentType: 'text/plain', content: Buffer.from('hello') },
    ];
    const [, email] = await enqueue(input(), input({ attachments }));
    const rows = await db.write().select().from(emailAttachments).orderBy(emailAttachments.position);
    expect(rows).toMatchObject(
      attachments.map((attachment, position) => ({ ...attachment, position, emailSendId: email?.id })),
    );
  });

  it('gives each address of a marketing email one token, and those of other emails none', async () => {
    const marketing = (to: string) =>
      input({ to, template: 'marketing', variables: { userName: 'Ada', subject: 'News', content: 'New' } });
    await enqueue(
      marketing('Ada@example.org'),
      marketing('bob@example.org'),
      input({ to: 'eve@example.org' }),
    );
    const tokens = () => db.write().select().from(emailPreferences).orderBy(emailPreferences.email);
    const first = await tokens();
    expect(first.map(({ email }) => email)).toEqual(['ada@example.org', 'bob@example.org']);
    expect(first.every(({ marketing }) => marketing)).toBe(true);
    expect(first.every(({ unsubscribeToken }) => UNSUBSCRIBE_TOKEN.test(unsubscribeToken))).toBe(true);
    // In both orders at once: neither waits for what the other holds.
    const addresses = Array.from({ length: 50 }, (_, index) => `user${index}@example.org`);
    await Promise.all([
      enqueue(...addresses.map(marketing)),
      enqueue(...addresses.toReversed().map(marketing)),
      enqueue(marketing('ada@example.org')),
    ]);
    expect(await tokens()).toHaveLength(52);
    expect((await tokens()).find(({ email }) => email === 'ada@example.org')).toEqual(first[0]);
  });

  it('takes no link to unsubscribe from a caller', async () => {
    const variables = {
      userName: 'Ada',
      subject: 'News',
      content: 'New',
      unsubscribeUrl: 'https://evil.example',
    };
    await enqueue(input({ template: 'marketing', variables }));
    expect((await sends())[0]?.variables).toEqual({ userName: 'Ada', subject: 'News', content: 'New' });
  });

  it('falls back to the nearest locale, and takes the newest active version', async () => {
    const [seed] = seededTemplates.filter(({ name }) => name === 'notification');
    if (seed === undefined) throw new Error('no seed');
    const variant = (locale: string, version: number, more = {}) => ({
      ...seed,
      locale,
      version,
      variables: [...seed.variables],
      html: '<p>{{name}}</p>',
      ...more,
    });
    await db
      .write()
      .insert(emailTemplates)
      .values([
        variant('fr', 1),
        variant('fr', 2, { variables: ['name'] }),
        variant('fr', 3, { isActive: false }),
        variant('en', 2, { isActive: false }),
      ]);
    await enqueue(input({ locale: 'fr-CA', variables: { name: 'Ada' } }), input({ locale: 'de' }));
    expect((await sends()).map(({ locale }) => locale).sort()).toEqual(['en', 'fr']);
  });

  it('answers with the first email when an idempotency key comes again, also at the same time', async () => {
    const requestedBy = 'user-1';
    await db.write().insert(users).values({ id: requestedBy, email: 'ada@example.org', name: 'Ada' });
    const keyed = input({ requestedBy, idempotencyKey: 'order-7' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => enqueue(keyed)));
    expect(new Set(answers.map(([email]) => email?.id)).size).toBe(1);
    expect(answers.filter(([email]) => email?.created)).toHaveLength(1);
    expect(await sends()).toHaveLength(1);
    expect(await outbox()).toHaveLength(1);
    const another = input({ requestedBy, idempotencyKey: 'order-7', to: 'bob@example.org' });
    await expect(enqueue(another)).rejects.toMatchObject({
      name: 'EmailInputError',
      field: 'idempotencyKey',
    });
  });

  it('knows an email by its idempotency key when its variables have been wiped', async () => {
    await db.write().insert(users).values({ id: 'user-1', email: 'ada@example.org', name: 'Ada' });
    const keyed = input({ requestedBy: 'user-1', idempotencyKey: 'reset-7' });
    const [first] = await enqueue(keyed);
    await db.write().update(emailSends).set({ variables: {}, status: 'sent' });
    expect(await enqueue(keyed)).toEqual([{ id: first?.id, created: false }]);
  });

  it('takes no idempotency key that it could not keep', async () => {
    await expect(enqueue(input({ idempotencyKey: 'order-7' }))).rejects.toThrow('belongs to a user');
    const attachments = [{ filename: 'a', contentType: 'text/plain', content: Buffer.from('a') }];
    await expect(
      enqueue(input({ requestedBy: 'user-1', idempotencyKey: 'order-7', attachments })),
    ).rejects.toThrow('goes with no attachments');
  });

  it('seeds each template once and leaves an edited one alone', async () => {
    await db.write().update(emailTemplates).set({ subject: 'Mine' }).where(eq(emailTemplates.name, 'invite'));
    expect(await db.withTx((tx) => seedTemplates(tx))).toBe(0);
    const rows = await db.write().select().from(emailTemplates);
    expect(rows.map(({ name }) => name).sort()).toEqual(seededTemplates.map(({ name }) => name).sort());
    expect(rows.find(({ name }) => name === 'invite')?.subject).toBe('Mine');
  });
});
