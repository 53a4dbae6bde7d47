export {
  type EmailInput,
  type EnqueuedEmail,
  enqueueEmail,
  enqueueEmails,
  PRIORITIES,
  type Priority,
} from './enqueue.ts';
export { EmailInputError, TemplateError } from './errors.ts';
export { DEFAULT_LOCALE } from './locale.ts';
export {
  type CompiledTemplate,
  compileTemplate,
  type RenderableTemplate,
  type RenderedEmail,
  renderEmail,
} from './render.ts';
export { type SeedTemplate, seededTemplates, seedTemplates } from './seeds/index.ts';
export { createTemplateStore, type EmailTemplate, type TemplateStore } from './templates.ts';
