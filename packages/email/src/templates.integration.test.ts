import { type Cache, cacheKey, createCache } from '@sv-sdk/cache';
import { createDatabase, type Database, emailTemplates, markStale } from '@sv-sdk/db';
import { createTestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import { and, eq } from 'drizzle-orm';
import { Registry } from 'prom-client';
import { beforeEach, expect, inject, onTestFinished, test } from 'vitest';
import { seedTemplates } from './seeds/index.ts';
import { createTemplateStore, type TemplateStore } from './templates.ts';

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
  await db.withTx(async (tx) => {
    await tx.insert(emailTemplates).values({
      name: 'notification',
      locale,
      version,
      subject: `${locale} ${version}`,
      mjml: '<mjml></mjml>',
      variables: [],
      ...more,
    });
    await markStale(tx, [cacheKey.template('notification', locale)]);
  });
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
  expect(await cache.get('template:notification:en')).toMatchObject({ version: 1 });

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

test('garbage in the cache is no template', async () => {
  await cache.set(cacheKey.template('notification', 'en'), { mjml: '<script>' }, 60);
  expect(await found('en')).toBe('en 1');
});

test('warmed templates are in memory before anybody asks', async () => {
  expect(await store.warm()).toBeGreaterThanOrEqual(5);
  await found('en');
  expect(await metrics()).toContain('sv_cache_requests_total{kind="template",tier="local",result="hit"} 1');
});
