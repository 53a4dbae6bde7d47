import { cacheKey } from '@sv-sdk/cache';
import { emailTemplates, markStale } from '@sv-sdk/db';
import { DEFAULT_LOCALE } from '@sv-sdk/email';
import { z } from 'zod';
import { requirePermission } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { lockVersions } from './load.ts';
import { requireSendable, requireValid } from './rules.ts';
import { content, holdsSecrets, templateLocale, templateName, variableNames } from './schemas.ts';
import { templateView, viewTemplate } from './view.ts';

export const createTemplate = itemEndpoint({
  method: 'post',
  path: '/api/v1/templates',
  operationId: 'createTemplate',
  summary: 'Make an email template, or one in another locale',
  tag: 'templates',
  access: 'principal',
  body: z.strictObject({
    name: templateName,
    locale: templateLocale.default(DEFAULT_LOCALE),
    subject: content.subject,
    mjml: content.mjml,
    variables: variableNames,
    kind: content.kind.default('transactional'),
    holdsSecrets: holdsSecrets.default(false),
  }),
  status: 201,
  data: templateView,
  errors: ['CONSTRAINT_VIOLATION'],
  async handle({ services, principal, body, withTx }) {
    requirePermission(principal, 'create:any:template');
    requireSendable(body);
    const html = await requireValid(services.templateCompiler, body);
    const template = await withTx(async (tx, audit) => {
      const versions = await lockVersions(tx, body);
      if (versions.some(({ isActive }) => isActive)) {
        throw new ApiError(
          'CONSTRAINT_VIOLATION',
          `name: there is a template "${body.name}" (${body.locale}); change it to make its next version`,
          { field: 'name' },
        );
      }
      const [inserted] = await tx
        .insert(emailTemplates)
        // What was taken out of use keeps its versions: emails were sent with them.
        .values({ ...body, html, version: (versions[0]?.version ?? 0) + 1, createdBy: principal.userId })
        .returning();
      if (inserted === undefined) throw new Error('the insert of a template returned no row');
      const { id, name, locale, version } = inserted;
      await audit('template.created', { templateId: id, name, locale, version });
      await markStale(tx, [cacheKey.template(name, locale)]);
      return inserted;
    });
    return viewTemplate(template);
  },
});
