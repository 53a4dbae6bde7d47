import {
  firstMissingVariable,
  prepareTemplate,
  type Render,
  type RenderedEmail,
  TemplateError,
} from '@sv-sdk/email';
import { z } from 'zod';
import { requirePermission, requireReadable, requireVisible } from '../../authorise.ts';
import { itemEndpoint } from '../../endpoint/endpoint.ts';
import { ApiError } from '../../errors.ts';
import { idParams } from '../../schemas.ts';
import { loadTemplate } from './load.ts';
import { requireValid } from './rules.ts';
import { content, variableValues } from './schemas.ts';

type Values = z.output<typeof variableValues>;

const preview = z
  .strictObject({ subject: z.string(), html: z.string(), text: z.string() })
  .meta({ id: 'TemplatePreview' });

export const previewTemplate = itemEndpoint({
  method: 'post',
  path: '/api/v1/templates/:id/preview',
  operationId: 'previewTemplate',
  summary: 'What a version of a template makes of variables',
  tag: 'templates',
  access: 'principal',
  params: idParams,
  body: z.strictObject({ variables: variableValues }),
  status: 200,
  data: preview,
  errors: ['NOT_FOUND', 'CONSTRAINT_VIOLATION'],
  async handle({ services, principal, params, body }) {
    requireReadable(principal, 'template', null);
    const db = await services.db.read(principal.userId);
    const loaded = await loadTemplate(db, params.id);
    const template = requireVisible(principal, 'template', loaded, () => null);
    const missing = firstMissingVariable(template.variables, body.variables);
    if (missing !== undefined) {
      const field = `variables.${missing}`;
      throw new ApiError('VALIDATION_ERROR', `${field}: the template "${template.name}" needs it`, { field });
    }
    return show(() => prepareTemplate(template), body.variables, services.settings.baseUrl);
  },
});

export const previewDraft = itemEndpoint({
  method: 'post',
  path: '/api/v1/templates/preview',
  operationId: 'previewDraft',
  summary: 'What a template that is not there yet would make of variables',
  tag: 'templates',
  access: 'principal',
  body: z.strictObject({
    subject: content.subject,
    mjml: content.mjml,
    kind: content.kind.default('transactional'),
    variables: variableValues.meta({ description: 'For every variable that it uses; others are left out.' }),
  }),
  status: 200,
  data: preview,
  async handle({ services, principal, body }) {
    requirePermission(principal, 'create:any:template');
    const { variables: values, ...rest } = body;
    const draft = { ...rest, name: 'draft', variables: Object.keys(values), mayLeaveOut: true };
    const html = await requireValid(services.templateCompiler, draft);
    return show(() => prepareTemplate({ ...draft, html }), values, services.settings.baseUrl);
  },
});

/** Only a template from before there were rules can be at fault here. */
function show(prepare: () => Render, values: Values, baseUrl: string): RenderedEmail {
  try {
    return prepare()({
      ...values,
      unsubscribeUrl: values['unsubscribeUrl'] ?? `${baseUrl}/unsubscribe/preview`,
    });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new ApiError('CONSTRAINT_VIOLATION', error.message, { cause: error });
  }
}
