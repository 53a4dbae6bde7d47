/** What runs in the thread of {@link createTemplateCompiler}. */
import { type TemplateDraft, type TemplateValidation, validateTemplate } from './validate.ts';

/** Without a draft it only loads what it needs, so that the time a template takes is the template's own. */
export default async function compile(
  draft: TemplateDraft | undefined,
): Promise<TemplateValidation | undefined> {
  if (draft !== undefined) return await validateTemplate(draft);
  await import('mjml');
  return undefined;
}
