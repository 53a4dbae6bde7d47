import { type Cache, cacheKey, TTL_SECONDS } from '@sv-sdk/cache';
import { type Database, type Db, emailTemplates, type Tx } from '@sv-sdk/db';
import { and, desc, eq, inArray, isNotNull } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { localeChain } from './locale.ts';
import { prepareTemplate, type Render } from './render.ts';

export type EmailTemplate = typeof emailTemplates.$inferSelect;

/** What decides whether an email can be asked for; the text itself is only read to send it. */
export type TemplateHead = Pick<
  EmailTemplate,
  'id' | 'name' | 'locale' | 'version' | 'kind' | 'holdsSecrets' | 'variables'
>;

/** One version, ready to be filled with variables as often as it takes. */
export interface PreparedTemplate extends TemplateHead {
  readonly render: Render;
}

export interface WantedTemplate {
  readonly template: string;
  readonly locale: string;
}

export interface TemplateStore {
  /** The newest active version, in the locale or the nearest one that it has; undefined: there is none. */
  find(name: string, locale: string): Promise<TemplateHead | undefined>;
  /** The same for many, by {@link templateKey}: out of the cache, so to be asked before a transaction begins. */
  findMany(wanted: readonly WantedTemplate[]): Promise<Map<string, TemplateHead>>;
  /**
   * This version, in use or not: what an email was accepted with is what it is sent with. Loaded and prepared once a
   * process, as it never changes. Undefined: there is none. Throws TemplateError for one that is at fault.
   */
  byId(id: string): Promise<PreparedTemplate | undefined>;
  /** Loads the templates before anybody asks, once the cache can keep them; answers how many. */
  warm(): Promise<number>;
}

/** About 60 kB each when prepared; a platform has tens of templates, in a few locales. */
const MOST_TEMPLATES = 200;

const head = {
  id: emailTemplates.id,
  name: emailTemplates.name,
  locale: emailTemplates.locale,
  version: emailTemplates.version,
  kind: emailTemplates.kind,
  holdsSecrets: emailTemplates.holdsSecrets,
  variables: emailTemplates.variables,
};

/** One that nobody has compiled can't be sent, so it is not taken either: `sdk db migrate` compiles it. */
const isInUse = () => and(eq(emailTemplates.isActive, true), isNotNull(emailTemplates.html));

/** What a name has in a locale. Null: nothing, though it has another; that is worth knowing too. */
interface CachedHead {
  readonly head: TemplateHead | null;
}

const cachedHead = z.strictObject({
  head: z
    .strictObject({
      id: z.string(),
      name: z.string(),
      locale: z.string(),
      version: z.number(),
      kind: z.enum(['transactional', 'marketing']),
      holdsSecrets: z.boolean(),
      variables: z.array(z.string()),
    })
    .nullable(),
});

/**
 * Templates by name out of the cache, by id out of memory. A key of the cache holds what a name has in exactly this
 * locale, so that whoever changes it knows the one key to mark: `cacheKey.template(name, locale)`.
 */
export function createTemplateStore({ db, cache }: { db: Database; cache: Cache }): TemplateStore {
  const newest = cache.kind<Pick<TemplateHead, 'name' | 'locale'>, CachedHead>({
    name: 'template',
    key: ({ name, locale }) => cacheKey.template(name, locale),
    ttlSeconds: TTL_SECONDS.long,
    local: { maxEntries: MOST_TEMPLATES, ttlSeconds: TTL_SECONDS.short },
    async load({ name, locale }) {
      const heads = await db
        .write()
        .selectDistinctOn([emailTemplates.locale], head)
        .from(emailTemplates)
        .where(and(eq(emailTemplates.name, name), isInUse()))
        .orderBy(emailTemplates.locale, desc(emailTemplates.version));
      // A name that nobody has is not kept: there is no end of them.
      if (heads.length === 0) return undefined;
      return { head: heads.find((candidate) => candidate.locale === locale) ?? null };
    },
    parse: (json) => cachedHead.safeParse(json).data,
    isBypassed: () => db.isInOpenTransaction(),
  });
  // Promises, so that a hundred emails that start at once load and prepare their template once.
  const prepared = new LRUCache<string, Promise<PreparedTemplate | undefined>>({ max: MOST_TEMPLATES });

  const store: TemplateStore = {
    async find(name, locale) {
      for (const candidate of localeChain(locale)) {
        const found = await newest.get({ name, locale: candidate });
        if (found === undefined) return undefined;
        if (found.head !== null) return found.head;
      }
      return undefined;
    },
    async findMany(wanted) {
      const found = new Map<string, TemplateHead>();
      const distinct = new Map(wanted.map((one) => [templateKey(one.template, one.locale), one]));
      for (const [key, { template, locale }] of distinct) {
        const nearest = await store.find(template, locale);
        if (nearest !== undefined) found.set(key, nearest);
      }
      return found;
    },
    byId(id) {
      const known = prepared.get(id);
      if (known !== undefined) return known;
      const loading = loadPrepared(db, id);
      prepared.set(id, loading);
      const forget = () => {
        if (prepared.peek(id) === loading) prepared.delete(id);
      };
      loading.then((template) => template ?? forget(), forget);
      return loading;
    },
    async warm() {
      await cache.whenTrusted();
      const found = await db
        .write()
        .selectDistinctOn([emailTemplates.name, emailTemplates.locale], head)
        .from(emailTemplates)
        .where(isInUse())
        .orderBy(emailTemplates.name, emailTemplates.locale, desc(emailTemplates.version))
        .limit(MOST_TEMPLATES);
      for (const template of found) await newest.get(template);
      return found.length;
    },
  };
  return store;
}

async function loadPrepared(db: Database, id: string): Promise<PreparedTemplate | undefined> {
  const [row] = await db
    .write()
    .select({ ...head, subject: emailTemplates.subject, html: emailTemplates.html })
    .from(emailTemplates)
    .where(eq(emailTemplates.id, id));
  if (row === undefined) return undefined;
  const { subject: _subject, html: _html, ...rest } = row;
  return { ...rest, render: prepareTemplate(row) };
}

/** What many names and locales have, in one query; answers by {@link templateKey}. */
export async function findTemplateHeads(
  db: Db | Tx,
  wanted: readonly WantedTemplate[],
): Promise<Map<string, TemplateHead>> {
  const names = [...new Set(wanted.map(({ template }) => template))];
  const locales = [...new Set(wanted.flatMap(({ locale }) => localeChain(locale)))];
  const candidates = await db
    .selectDistinctOn([emailTemplates.name, emailTemplates.locale], head)
    .from(emailTemplates)
    .where(and(inArray(emailTemplates.name, names), inArray(emailTemplates.locale, locales), isInUse()))
    .orderBy(emailTemplates.name, emailTemplates.locale, desc(emailTemplates.version));
  const byKey = new Map(
    candidates.map((candidate) => [templateKey(candidate.name, candidate.locale), candidate]),
  );
  const found = new Map<string, TemplateHead>();
  for (const { template, locale } of wanted) {
    for (const candidate of localeChain(locale)) {
      const match = byKey.get(templateKey(template, candidate));
      if (match === undefined) continue;
      found.set(templateKey(template, locale), match);
      break;
    }
  }
  return found;
}

export const templateKey = (name: string, locale: string) => `${name}:${locale}`;
