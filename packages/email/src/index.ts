export { type Cancellation, cancelEmail } from './cancel.ts';
export { compileMjml } from './compile.ts';
export { compileStoredTemplates, type StoredTemplateFault } from './compile-stored.ts';
export { CompilerBusyError, createTemplateCompiler, type TemplateCompiler } from './compiler.ts';
export {
  type EmailAttachment,
  type EmailInput,
  type EnqueuedEmail,
  enqueueEmail,
  enqueueEmails,
  PRIORITIES,
  type Priority,
} from './enqueue.ts';
export { EmailInputError, TemplateError } from './errors.ts';
export { EMAIL_EVENT_TYPES, EMAIL_SEND_ID_TAG, type EmailEvent, type EmailEventType } from './events.ts';
export { canonicalLocale, DEFAULT_LOCALE } from './locale.ts';
export { prepareTemplate, type Render, type RenderableTemplate, type RenderedEmail } from './render.ts';
export {
  LEFT_CAP,
  MAX_REPLAY_ROWS,
  REPLAYABLE_STATUSES,
  type Replay,
  type ReplayableStatus,
  type ReplayFilter,
  replayEmail,
  replayEmails,
} from './replay.ts';
export { PLATFORM_TEMPLATES, type SeedTemplate, seededTemplates, seedTemplates } from './seeds/index.ts';
export {
  type DayStats,
  type EmailCosts,
  type EmailCounts,
  type EmailStats,
  emailStats,
  type ProviderStats,
  type StatsPeriod,
} from './stats.ts';
export {
  addSuppressions,
  SUPPRESSION_REASONS,
  type Suppression,
  type SuppressionReason,
  type SuppressionRow,
} from './suppressions.ts';
export {
  createTemplateStore,
  type EmailTemplate,
  findTemplateHeads,
  type PreparedTemplate,
  type TemplateHead,
  type TemplateStore,
  templateKey,
} from './templates.ts';
export {
  type EmailPreferences,
  ensurePreferences,
  findPreferences,
  ONE_CLICK_BODY,
  type PreferencesKey,
  setMarketing,
  UNSUBSCRIBE_TOKEN,
  unsubscribeHeaders,
  unsubscribeUrl,
} from './unsubscribe.ts';
export {
  isVariableName,
  MAX_MJML_LENGTH,
  MAX_SUBJECT_LENGTH,
  MAX_VARIABLES,
  type TemplateDraft,
  type TemplateFault,
  type TemplateValidation,
  VARIABLE_NAME,
  validateTemplate,
} from './validate.ts';
export { firstMissingVariable, PLATFORM_VARIABLES } from './variables.ts';
