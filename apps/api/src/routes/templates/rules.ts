import {
  CompilerBusyError,
  DEFAULT_LOCALE,
  PLATFORM_TEMPLATES,
  type TemplateCompiler,
  type TemplateDraft,
  type TemplateFault,
} from '@sv-sdk/email';
import { ApiError } from '../../errors.ts';
import type { TemplateRow } from './view.ts';

/** What MJML makes of the draft. Refuses one that could not be sent, with all that is wrong with it. */
export async function requireValid(compiler: TemplateCompiler, draft: TemplateDraft): Promise<string> {
  const validation = await compiler.validate(draft).catch((error: unknown) => {
    if (!(error instanceof CompilerBusyError)) throw error;
    throw new ApiError('SERVICE_UNAVAILABLE', 'Too many templates are being compiled. Try again.', {
      cause: error,
      retryAfterSeconds: 5,
    });
  });
  if (!validation.isValid) throw invalid(validation.faults);
  return validation.html;
}

/**
 * The platform's own mails (verification, reset, notices) are sent with the values that it has: whoever changes their
 * templates can leave some out, and not ask for more.
 */
export function requireSendable(
  draft: Pick<TemplateRow, 'name' | 'variables' | 'kind' | 'holdsSecrets'>,
): void {
  const platform = PLATFORM_TEMPLATES.find(({ name }) => name === draft.name);
  if (platform === undefined) return;
  const faults: TemplateFault[] = draft.variables
    .filter((name) => !platform.variables.includes(name))
    .map((name) => ({
      field: 'variables',
      message: `the platform sends "${draft.name}" itself, and has no "${name}"`,
    }));
  if (faults.length > 0) throw invalid(faults);
  if (draft.kind !== platform.kind) {
    throw new ApiError('VALIDATION_ERROR', `kind: the template "${draft.name}" is ${platform.kind}`, {
      field: 'kind',
    });
  }
  if (platform.holdsSecrets && !draft.holdsSecrets) {
    throw new ApiError('VALIDATION_ERROR', `holdsSecrets: the template "${draft.name}" holds some`, {
      field: 'holdsSecrets',
    });
  }
}

/** Nobody could sign up, or be told of a new password, without these. */
export function requireDispensable({ name, locale }: Pick<TemplateRow, 'name' | 'locale'>): void {
  if (locale !== DEFAULT_LOCALE || !PLATFORM_TEMPLATES.some((template) => template.name === name)) return;
  throw new ApiError(
    'CONSTRAINT_VIOLATION',
    `The platform itself sends "${name}" (${locale}): a version of it must stay in use.`,
  );
}

function invalid(faults: readonly TemplateFault[]): ApiError {
  const [first] = faults;
  if (first === undefined) throw new Error('a template without faults is valid');
  return new ApiError('VALIDATION_ERROR', `${first.field}: ${first.message}`, {
    field: first.field,
    details: faults,
  });
}
