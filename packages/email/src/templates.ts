import { type Db, emailTemplates, type Tx } from '@sv-sdk/db';
import { and, desc, eq, inArray } from 'drizzle-orm';
import { localeChain } from './locale.ts';

export type EmailTemplate = typeof emailTemplates.$inferSelect;

/** What decides whether an email can be asked for; the text itself is only read to send it. */
export type TemplateHead = Pick<EmailTemplate, 'name' | 'locale' | 'variables'>;

/** The newest active version of a template, in the locale or the nearest one that it has. */
export async function findTemplate(
  db: Db | Tx,
  name: string,
  locale: string,
): Promise<EmailTemplate | undefined> {
  const chain = localeChain(locale);
  const candidates = await db
    .selectDistinctOn([emailTemplates.locale])
    .from(emailTemplates)
    .where(
      and(
        eq(emailTemplates.name, name),
        inArray(emailTemplates.locale, chain),
        eq(emailTemplates.isActive, true),
      ),
    )
    .orderBy(emailTemplates.locale, desc(emailTemplates.version));
  return nearest(candidates, chain);
}

/** The same for many names and locales in one query; answers by {@link templateKey}. */
export async function findTemplateHeads(
  db: Db | Tx,
  wanted: readonly { template: string; locale: string }[],
): Promise<Map<string, TemplateHead>> {
  const names = [...new Set(wanted.map(({ template }) => template))];
  const locales = [...new Set(wanted.flatMap(({ locale }) => localeChain(locale)))];
  const candidates = await db
    .selectDistinctOn([emailTemplates.name, emailTemplates.locale], {
      name: emailTemplates.name,
      locale: emailTemplates.locale,
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
