import { cacheKey } from '@sv-sdk/cache';
import { emailTemplates, markStale, type Tx } from '@sv-sdk/db';
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireReadable, requireVisible } from '../../authorise.ts';
import type { Audit } from '../../endpoint/endpoint.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { idParams } from '../../schemas.ts';
import { loadTemplate, lockVersions } from './load.ts';
import { requireDispensable, requireSendable, requireValid } from './rules.ts';
import { content, holdsSecrets, variableNames } from './schemas.ts';
import { type TemplateRow, templateView, viewTemplate } from './view.ts';

const changes = z
  .strictObject({
    subject: content.subject.optional(),
    mjml: content.mjml.optional(),
    variables: variableNames.optional(),
    kind: content.kind.optional(),
    holdsSecrets: holdsSecrets.optional(),
    isActive: z.boolean().optional().meta({
      description:
        'Alone: takes this version in or out of use. With more: whether the next one is used at once.',
    }),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must change something' });

export const updateTemplate = itemEndpoint({
  method: 'patch',
  path: '/api/v1/templates/:id',
  operationId: 'updateTemplate',
  summary: 'Make the next version of a template, or take one in or out of use',
  tag: 'templates',
  access: 'principal',
  params: idParams,
  body: changes,
  status: 200,
  data: templateView,
  errors: ['NOT_FOUND', 'CONSTRAINT_VIOLATION'],
  async handle({ services, principal, params, body, withTx }) {
    requireReadable(principal, 'template', null);
    const loaded = await loadTemplate(services.db.write(), params.id);
    const before = requireVisible(principal, 'template', loaded, () => null);
    requireAct(principal, 'update', 'template', null);
    const { isActive, ...edits } = body;
    if (isActive !== undefined && Object.keys(edits).length === 0) {
      return viewTemplate(await withTx((tx, audit) => setActive(tx, audit, before, isActive)));
    }
    // What a version says never changes, so that nothing of `before` is old by the time it is written.
    const draft = {
      name: before.name,
      locale: before.locale,
      subject: edits.subject ?? before.subject,
      mjml: edits.mjml ?? before.mjml,
      variables: edits.variables ?? before.variables,
      kind: edits.kind ?? before.kind,
      holdsSecrets: edits.holdsSecrets ?? before.holdsSecrets,
    };
    requireSendable(draft);
    const html = await requireValid(services.templateCompiler, draft);
    const template = await withTx(async (tx, audit) => {
      const [newest] = await lockVersions(tx, before);
      if (newest?.id !== before.id) {
        throw new ApiError(
          'CONSTRAINT_VIOLATION',
          `This is version ${before.version}, and there is version ${newest?.version}: change that one.`,
        );
      }
      const [inserted] = await tx
        .insert(emailTemplates)
        .values({
          ...draft,
          html,
          version: before.version + 1,
          isActive: isActive ?? true,
          createdBy: principal.userId,
        })
        .returning();
      if (inserted === undefined) throw new Error('the insert of a template returned no row');
      const { id, name, locale, version } = inserted;
      await audit('template.updated', {
        templateId: id,
        name,
        locale,
        version,
        isActive: inserted.isActive,
        changed: Object.keys(edits),
      });
      await markStale(tx, [cacheKey.template(name, locale)]);
      return inserted;
    });
    return viewTemplate(template);
  },
});

async function setActive(
  tx: Tx,
  audit: Audit,
  { id, name, locale, version, html }: TemplateRow,
  isActive: boolean,
): Promise<TemplateRow> {
  const versions = await lockVersions(tx, { name, locale });
  if (isActive && html === null) {
    throw new ApiError('CONSTRAINT_VIOLATION', 'isActive: this version was never compiled', {
      field: 'isActive',
    });
  }
  const isLast = !versions.some((other) => other.isActive && other.id !== id);
  if (!isActive && isLast) requireDispensable({ name, locale });
  const [after] = await tx
    .update(emailTemplates)
    .set({ isActive })
    .where(eq(emailTemplates.id, id))
    .returning();
  if (after === undefined) throw new Error('a locked template was not updated');
  await audit('template.updated', { templateId: id, name, locale, version, isActive });
  await markStale(tx, [cacheKey.template(name, locale)]);
  return after;
}
