import { cacheKey } from '@sv-sdk/cache';
import { emailTemplates, markStale } from '@sv-sdk/db';
import { and, eq } from 'drizzle-orm';
import { z } from 'zod';
import { requireAct, requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { idParams } from '../../schemas.ts';
import { loadTemplate, lockVersions } from './load.ts';
import { requireDispensable } from './rules.ts';

export const deleteTemplate = itemEndpoint({
  method: 'delete',
  path: '/api/v1/templates/:id',
  operationId: 'deleteTemplate',
  summary: 'Take all versions of a template out of use, in its locale',
  tag: 'templates',
  access: 'principal',
  params: idParams,
  status: 200,
  data: z.strictObject({ id: z.string() }),
  errors: ['NOT_FOUND', 'CONSTRAINT_VIOLATION'],
  /** The rows stay: emails were accepted with them, and are sent as they were asked for. */
  async handle({ principal, params, withTx }) {
    requireReadable(principal, 'template', null);
    await withTx(async (tx, audit) => {
      const loaded = await loadTemplate(tx, params.id);
      const { name, locale } = requireVisible(principal, 'template', loaded, () => null);
      requireAct(principal, 'delete', 'template', null);
      requireDispensable({ name, locale });
      const versions = await lockVersions(tx, { name, locale });
      await tx
        .update(emailTemplates)
        .set({ isActive: false })
        .where(
          and(
            eq(emailTemplates.name, name),
            eq(emailTemplates.locale, locale),
            eq(emailTemplates.isActive, true),
          ),
        );
      await audit('template.deleted', {
        templateId: params.id,
        name,
        locale,
        versions: versions.filter(({ isActive }) => isActive).map(({ version }) => version),
      });
      await markStale(tx, [cacheKey.template(name, locale)]);
    });
    return { id: params.id };
  },
});
