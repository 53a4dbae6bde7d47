import { type Db, emailTemplates, type Tx } from '@sv-sdk/db';
import { and, desc, eq, sql } from 'drizzle-orm';
import type { TemplateRow } from './view.ts';

export async function loadTemplate(db: Db | Tx, id: string): Promise<TemplateRow | undefined> {
  const [template] = await db.select().from(emailTemplates).where(eq(emailTemplates.id, id));
  return template;
}

/**
 * All versions that a name has in a locale, newest first. Until the transaction ends nobody else adds one to them,
 * or takes one in or out of use. A lock on the rows would not do: who waited for it would not see a new one.
 */
export async function lockVersions(
  tx: Tx,
  { name, locale }: Pick<TemplateRow, 'name' | 'locale'>,
): Promise<Pick<TemplateRow, 'id' | 'version' | 'isActive'>[]> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(${`email_templates:${name}:${locale}`}, 0))`,
  );
  return await tx
    .select({ id: emailTemplates.id, version: emailTemplates.version, isActive: emailTemplates.isActive })
    .from(emailTemplates)
    .where(and(eq(emailTemplates.name, name), eq(emailTemplates.locale, locale)))
    .orderBy(desc(emailTemplates.version));
}
