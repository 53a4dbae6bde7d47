import { emailTemplates } from '@sv-sdk/db';
import { z } from 'zod';
import { moment } from '../../schemas.ts';

export type TemplateRow = typeof emailTemplates.$inferSelect;

/** All but the text, which a list would be mostly made of. */
export const summaryColumns = {
  id: emailTemplates.id,
  name: emailTemplates.name,
  locale: emailTemplates.locale,
  version: emailTemplates.version,
  subject: emailTemplates.subject,
  variables: emailTemplates.variables,
  kind: emailTemplates.kind,
  holdsSecrets: emailTemplates.holdsSecrets,
  isActive: emailTemplates.isActive,
  createdBy: emailTemplates.createdBy,
  createdAt: emailTemplates.createdAt,
  updatedAt: emailTemplates.updatedAt,
};
type TemplateSummaryRow = Pick<TemplateRow, keyof typeof summaryColumns>;

export const templateSummary = z
  .strictObject({
    id: z.string().meta({ description: 'Of this version.' }),
    name: z.string(),
    locale: z.string(),
    version: z.int().meta({ description: 'The newest active version of a name and locale is in use.' }),
    subject: z.string(),
    variables: z.array(z.string()).meta({ description: 'What whoever sends it must give.' }),
    kind: z.enum(['transactional', 'marketing']),
    holdsSecrets: z
      .boolean()
      .meta({ description: 'Its variables open a door: they are wiped once an email has gone out.' }),
    isActive: z.boolean(),
    createdBy: z.string().nullable().meta({ description: 'A user; null: the platform itself.' }),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({ id: 'TemplateSummary' });

export const templateView = templateSummary.extend({ mjml: z.string() }).meta({ id: 'Template' });

export function summarise(template: TemplateSummaryRow): z.output<typeof templateSummary> {
  return {
    id: template.id,
    name: template.name,
    locale: template.locale,
    version: template.version,
    subject: template.subject,
    variables: template.variables,
    kind: template.kind,
    holdsSecrets: template.holdsSecrets,
    isActive: template.isActive,
    createdBy: template.createdBy,
    createdAt: template.createdAt.toISOString(),
    updatedAt: template.updatedAt.toISOString(),
  };
}

export function viewTemplate(template: TemplateRow): z.output<typeof templateView> {
  return { ...summarise(template), mjml: template.mjml };
}
