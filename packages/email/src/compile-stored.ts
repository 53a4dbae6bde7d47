import { cacheKey } from '@sv-sdk/cache/keys';
import { emailTemplates, markStale, type Tx } from '@sv-sdk/db';
import { eq, isNull } from 'drizzle-orm';
import { describeFault, runMjml } from './compile.ts';

export interface StoredTemplateFault {
  readonly name: string;
  readonly locale: string;
  readonly version: number;
  readonly reason: string;
}

/**
 * Compiles the versions that nobody has compiled: from before a version kept its HTML, or written by hand. Those that
 * MJML can't compile stay as they are, and no email is accepted with them.
 */
export async function compileStoredTemplates(
  tx: Tx,
): Promise<{ compiled: number; faults: StoredTemplateFault[] }> {
  const waiting = await tx
    .select({
      id: emailTemplates.id,
      name: emailTemplates.name,
      locale: emailTemplates.locale,
      version: emailTemplates.version,
      mjml: emailTemplates.mjml,
    })
    .from(emailTemplates)
    .where(isNull(emailTemplates.html))
    .orderBy(emailTemplates.name, emailTemplates.locale, emailTemplates.version);
  const faults: StoredTemplateFault[] = [];
  const keys = new Set<string>();
  for (const { id, mjml, ...template } of waiting) {
    const result = await runMjml(mjml);
    if (result.html === null) {
      faults.push({ ...template, reason: result.faults.map(describeFault).join('; ') });
      continue;
    }
    await tx.update(emailTemplates).set({ html: result.html }).where(eq(emailTemplates.id, id));
    keys.add(cacheKey.template(template.name, template.locale));
  }
  await markStale(tx, [...keys]);
  return { compiled: waiting.length - faults.length, faults };
}
