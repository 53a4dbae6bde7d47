import type { Database } from '@sv-sdk/db';
import { type EmailTemplate, findTemplate } from '@sv-sdk/email';
import { LRUCache } from 'lru-cache';

const CACHED_TEMPLATES = 200;
/** A changed template is used after this time at the latest. Saves a query an email. */
const TTL_MS = 10_000;

export interface TemplateCache {
  /** The template in the locale or the nearest one; undefined: there is none that is active. */
  find(name: string, locale: string): Promise<EmailTemplate | undefined>;
}

/** Templates by name and locale, kept for some seconds. Only what was found is kept. */
export function createTemplateCache(db: Database): TemplateCache {
  const cache = new LRUCache<string, EmailTemplate>({ max: CACHED_TEMPLATES, ttl: TTL_MS });
  return {
    async find(name, locale) {
      const key = `${name}:${locale}`;
      const cached = cache.get(key);
      if (cached !== undefined) return cached;
      const template = await findTemplate(db.write(), name, locale);
      if (template !== undefined) cache.set(key, template);
      return template;
    },
  };
}
