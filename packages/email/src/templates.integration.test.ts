import { type Cache, cacheKey, createCache } from '@sv-sdk/cache';
import { createDatabase, type Database, emailTemplates, markStale } from '@sv-sdk/db';
import { createTestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { and, eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { compileStoredTemplates } from './compile-stored.ts';
import { seededTemplates, seedTemplates } from './seeds/index.ts';
import { createTemplateStore, findTemplateHeads, type TemplateStore } from './templates.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'fatal' });

let db: Database;
let cache: Cache;
let store: TemplateStore;
let metrics: () => Promise<string>;
beforeEach(async () => {
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());
  const server = await createTestDatabase();
  stack.defer(() => server.drop());
  const registry = new Registry();
  metrics = () => registry.metrics();
  cache = createCache({
    url: inject('cacheUrl'),
    keyPrefix: `${server.name}:`,
    commandTimeoutMs: 5_000,
    logger,
    registry,
  });
  const opened = cache;
  stack.defer(() => opened.close());
  db = createDatabase({
    primaryUrl: server.pooledUrl,
    poolMin: 0,
    poolMax: 4,
    logger,
    registry,
    onStaleKeys: async (keys) => {
      await opened.publish(keys);
    },
  });
  const connected = db;
  stack.defer(() => connected.close());
  await cache.whenTrusted();
  store = createTemplateStore({ db, cache });
  await db.withTx((tx) => seedTemplates(tx));
});

async function add(locale: string, version: number, more: Partial<typeof emailTemplates.$inferInsert> = {}) {
  const id = crypto.randomUUID();
  await db.withTx(async (tx) => {
    await tx.insert(emailTemplates).values({
      id,
      name: 'notification',
      locale,
      version,
      subject: `${locale} ${version}`,
      mjml: '<mjml></mjml>',
      html: `<p>${locale} ${version}</p>`,
      variables: [],
      ...more,
    });
    await markStale(tx, [cacheKey.template('notification', locale)]);
  });
  return id;
}
const found = async (locale: string) => {
  const template = await store.find('notification', locale);
  return template && `${template.locale} ${template.version}`;
};

test('the newest active version, in the locale or the nearest one that there is', async () => {
  await add('fr', 1);
  await add('fr', 2);
  await add('fr', 3, { isActive: false });
  expect(await found('fr-CA')).toBe('fr 2');
  expect(await found('fr')).toBe('fr 2');
  expect(await found('de')).toBe('en 1');
  expect(await store.find('nonsense', 'de')).toBeUndefined();
});

test('a template that is kept is asked of nobody; a changed one is used at once', async () => {
  expect(await found('en')).toBe('en 1');
  expect(await found('en')).toBe('en 1');
  expect(await metrics()).toContain('sv_cache_requests_total{kind="template",tier="local",result="hit"} 1');
  expect(await cache.get('template:notification:en')).toMatchObject({ head: { version: 1 } });

  await add('en', 2);
  expect(await found('en')).toBe('en 2');
  // One that comes nearer than what was there before.
  expect(await found('de-AT')).toBe('en 2');
  await add('de', 1);
  expect(await found('de-AT')).toBe('de 1');
  await db.withTx(async (tx) => {
    await tx
      .update(emailTemplates)
      .set({ isActive: false })
      .where(and(eq(emailTemplates.name, 'notification'), eq(emailTemplates.locale, 'de')));
    await markStale(tx, [cacheKey.template('notification', 'de')]);
  });
  expect(await found('de-AT')).toBe('en 2');
});

test('that a locale has none of its own is kept too, until it gets one', async () => {
  expect(await found('fr-CA')).toBe('en 1');
  expect(await found('fr-CA')).toBe('en 1');
  const hits = 'sv_cache_requests_total{kind="template",tier="local",result="hit"} 3';
  expect(await metrics()).toContain(hits);
  await add('fr-CA', 1);
  expect(await found('fr-CA')).toBe('fr-CA 1');
});

test('many are found as one by one, and as without the cache', async () => {
  await add('fr', 1);
  const wanted = [
    { template: 'notification', locale: 'fr-CA' },
    { template: 'notification', locale: 'de' },
    { template: 'nonsense', locale: 'en' },
    { template: 'invite', locale: 'en' },
  ];
  const many = await store.findMany(wanted);
  expect([...many].map(([key, { locale }]) => `${key} ${locale}`)).toEqual([
    'notification:fr-CA fr',
    'notification:de en',
    'invite:en en',
  ]);
  expect(many).toEqual(await findTemplateHeads(db.write(), wanted));
});

test('a version by its id is the same for ever, in use or not, and is loaded once', async () => {
  const first = await store.find('notification', 'en');
  if (first === undefined) throw new Error('no template');
  const prepared = await store.byId(first.id);
  expect(prepared).toMatchObject(first);
  const email = { name: 'Ada', title: 'News', message: 'It <works>' };
  expect(prepared?.render(email)).toMatchObject({
    subject: 'News',
    html: expect.stringContaining('It &lt;works&gt;'),
    text: expect.stringContaining('It <works>'),
  });
  await add('en', 2);
  await db
    .write()
    .update(emailTemplates)
    .set({ isActive: false, subject: 'changed behind our back' })
    .where(eq(emailTemplates.id, first.id));
  expect(await store.byId(first.id)).toBe(prepared);
  expect(await store.byId('nobody')).toBeUndefined();
});

test('a version at fault is looked at again once it is mended', async () => {
  const id = await add('fr', 1, { html: null });
  await expect(store.byId(id)).rejects.toThrow('has not been compiled');
  await db.write().update(emailTemplates).set({ html: '<p>x</p>' }).where(eq(emailTemplates.id, id));
  expect((await store.byId(id))?.render({}).text).toBe('x');
});

test('what was never compiled is not used until it is; what cannot be compiled never is, and is named', async () => {
  const seed = seededTemplates.find(({ name }) => name === 'notification');
  await add('fr', 1, { html: null, mjml: seed?.mjml ?? '' });
  await add('de', 1, { html: null, mjml: '<mjml><mj-body>\n<mj-oops /></mj-body></mjml>' });
  expect([await found('fr'), await found('de')]).toEqual(['en 1', 'en 1']);
  const report = await db.withTx((tx) => compileStoredTemplates(tx));
  expect(report).toEqual({
    compiled: 1,
    faults: [
      { name: 'notification', locale: 'de', version: 1, reason: expect.stringMatching(/^line 2: .*mj-oops/) },
    ],
  });
  expect([await found('fr'), await found('de')]).toEqual(['fr 1', 'en 1']);
  const wanted = ['fr', 'de'].map((locale) => ({ template: 'notification', locale }));
  const heads = await findTemplateHeads(db.write(), wanted);
  expect([...heads.values()].map(({ locale }) => locale)).toEqual(['fr', 'en']);
  expect(await db.withTx((tx) => compileStoredTemplates(tx))).toMatchObject({ compiled: 0 });
});

test('garbage in the cache is no template', async () => {
  await cache.set(cacheKey.template('notification', 'en'), { mjml: '<script>' }, 60);
  expect(await found('en')).toBe('en 1');
});

test('warmed templates are in memory before anybody asks', async () => {
  expect(await store.warm()).toBeGreaterThanOrEqual(5);
  await found('en');
  expect(await metrics()).toContain('sv_cache_requests_total{kind="template",tier="local",result="hit"} 1');
});
