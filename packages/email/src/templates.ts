import { type Cache, cacheKey, TTL_SECONDS } from '@sv-sdk/cache';
import { type Database, type Db, emailTemplates, type Tx } from '@sv-sdk/db';
import { and, desc, eq, inArray } from 'drizzle-orm';
import { z } from 'zod';
import { localeChain } from './locale.ts';
import type { RenderableTemplate } from './render.ts';

export type EmailTemplate = typeof emailTemplates.$inferSelect;

/** What decides whether an email can be asked for; the text itself is only read to send it. */
export type TemplateHead = Pick<EmailTemplate, 'id' | 'name' | 'locale' | 'kind' | 'variables'>;

/** What it takes to render an email. */
export type CachedTemplate = RenderableTemplate & Pick<EmailTemplate, 'locale'>;

export interface TemplateStore {
  /** The newest active version, in the locale or the nearest one that it has; undefined: there is none. */
  find(name: string, locale: string): Promise<CachedTemplate | undefined>;
  /** Loads the templates before anybody asks, once the cache can keep them; answers how many. */
  warm(): Promise<number>;
}

/** About 10 kB each; a platform has tens of templates, in a few locales. */
const MOST_TEMPLATES = 200;

const cachedTemplate = z.strictObject({
  id: z.string(),
  name: z.string(),
  locale: z.string(),
  version: z.number(),
  subject: z.string(),
  mjml: z.string(),
  variables: z.array(z.string()),
});

/**
 * Templates out of the cache. A key holds what a name has in exactly this locale, so that whoever changes it knows
 * the one key to mark: `cacheKey.template(name, locale)`.
 */
export function createTemplateStore({ db, cache }: { db: Database; cache: Cache }): TemplateStore {
  const newest = cache.kind<Pick<CachedTemplate, 'name' | 'locale'>, CachedTemplate>({
    name: 'template',
    key: ({ name, locale }) => cacheKey.template(name, locale),
    ttlSeconds: TTL_SECONDS.long,
    local: { maxEntries: MOST_TEMPLATES, ttlSeconds: TTL_SECONDS.short },
    async load({ name, locale }) {
      const [template] = await db
        .write()
        .select({
          id: emailTemplates.id,
          name: emailTemplates.name,
          locale: emailTemplates.locale,
          version: emailTemplates.version,
          subject: emailTemplates.subject,
          mjml: emailTemplates.mjml,
          variables: emailTemplates.variables,
        })
        .from(emailTemplates)
        .where(
          and(
            eq(emailTemplates.name, name),
            eq(emailTemplates.locale, locale),
            eq(emailTemplates.isActive, true),
          ),
        )
        .orderBy(desc(emailTemplates.version))
        .limit(1);
      return template;
    },
    parse: (json) => cachedTemplate.safeParse(json).data,
    isBypassed: () => db.isInOpenTransaction(),
  });
  return {
    async find(name, locale) {
      for (const candidate of localeChain(locale)) {
        const template = await newest.get({ name, locale: candidate });
        if (template !== undefined) return template;
      }
      return undefined;
    },
    async warm() {
      await cache.whenTrusted();
      const found = await db
        .write()
        .selectDistinct({ name: emailTemplates.name, locale: emailTemplates.locale })
        .from(emailTemplates)
        .where(eq(emailTemplates.isActive, true))
        .limit(MOST_TEMPLATES);
      for (const id of found) await newest.get(id);
      return found.length;
    },
  };
}

/** What many names and locales have, in one query; answers by {@link templateKey}. */
export async function findTemplateHeads(
  db: Db | Tx,
  wanted: readonly { template: string; locale: string }[],
): Promise<Map<string, TemplateHead>> {
  const names = [...new Set(wanted.map(({ template }) => template))];
  const locales = [...new Set(wanted.flatMap(({ locale }) => localeChain(locale)))];
  const candidates = await db
    .selectDistinctOn([emailTemplates.name, emailTemplates.locale], {
      id: emailTemplates.id,
      name: emailTemplates.name,
      locale: emailTemplates.locale,
      kind: emailTemplates.kind,
      variables: emailTemplates.variables,
    })
    .from(emailTemplates)
    .where(
      and(
        inArray(emailTemplates.name, names),
        inArray(emailTemplates.locale, locales),
        eq(emailTemplates.isActive, true),
      ),
    )
    .orderBy(emailTemplates.name, emailTemplates.locale, desc(emailTemplates.version));
  const found = new Map<string, TemplateHead>();
  for (const { template, locale } of wanted) {
    const head = nearest(
      candidates.filter(({ name }) => name === template),
      localeChain(locale),
    );
    if (head !== undefined) found.set(templateKey(template, locale), head);
  }
  return found;
}

export const templateKey = (name: string, locale: string) => `${name}:${locale}`;

function nearest<T extends { locale: string }>(
  candidates: readonly T[],
  chain: readonly string[],
): T | undefined {
  for (const locale of chain) {
    const match = candidates.find((candidate) => candidate.locale === locale);
    if (match !== undefined) return match;
  }
  return undefined;
}
