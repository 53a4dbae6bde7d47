import Handlebars from 'handlebars';
import { LRUCache } from 'lru-cache';
import { TemplateError } from './errors.ts';
import type { EmailTemplate } from './templates.ts';
import { htmlToText } from './text.ts';
import { firstMissingVariable } from './variables.ts';

/** About 60 kB each compiled; a platform has tens of templates, in a few locales. */
const CACHED_TEMPLATES = 200;

export type RenderableTemplate = Pick<
  EmailTemplate,
  'id' | 'name' | 'version' | 'subject' | 'mjml' | 'variables'
>;

export interface RenderedEmail {
  /** One line, whatever the variables hold. */
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

export interface CompiledTemplate {
  render(variables: Readonly<Record<string, unknown>>): RenderedEmail;
}

// Promises, so that a hundred emails that start at once compile their template once. MJML takes 10–50 ms.
const compiled = new LRUCache<string, Promise<CompiledTemplate>>({ max: CACHED_TEMPLATES });

/**
 * A template filled with variables. HTML in a variable arrives as text; a line break in one can't add a header.
 * Throws {@link TemplateError} when the template is at fault or a variable that it declares is missing.
 */
export async function renderEmail(
  template: RenderableTemplate,
  variables: Readonly<Record<string, unknown>>,
): Promise<RenderedEmail> {
  const key = `${template.id}:${template.version}`;
  let compilation = compiled.get(key);
  if (compilation === undefined) {
    compilation = compileTemplate(template);
    compiled.set(key, compilation);
    compilation.catch(() => compiled.delete(key));
  }
  const { render } = await compilation;
  const missing = firstMissingVariable(template.variables, variables);
  // It was there when the email was asked for: the template has changed since. Better failed than half empty.
  if (missing !== undefined) throw new TemplateError(`the template "${template.name}" needs "${missing}"`);
  try {
    return render(variables);
  } catch (error) {
    throw faulty(template, error);
  }
}

/** MJML to HTML once, and the three parts as Handlebars templates. Throws {@link TemplateError}. */
export async function compileTemplate(template: RenderableTemplate): Promise<CompiledTemplate> {
  try {
    // Here and not above: 80 MB and 0.6 s, which an app that only takes emails in never needs.
    const { default: mjml2html } = await import('mjml');
    const { html: markup } = await mjml2html(template.mjml, {
      validationLevel: 'strict',
      ignoreIncludes: true,
      keepComments: false,
      fonts: {},
    });
    const subject = compilePart(template.subject, 'text');
    const html = compilePart(markup, 'html');
    const text = compilePart(htmlToText(markup), 'text');
    return {
      render: (variables) => ({
        subject: singleLine(subject(variables)),
        html: html(variables),
        text: text(variables),
      }),
    };
  } catch (error) {
    throw faulty(template, error);
  }
}

function faulty(template: RenderableTemplate, error: unknown): TemplateError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TemplateError(`the template "${template.name}" is wrong: ${reason}`, { cause: error });
}

function compilePart(source: string, kind: 'html' | 'text') {
  const program = Handlebars.parse(source);
  new EscapedOnly().accept(program);
  const options = {
    noEscape: kind === 'text',
    // Only if, unless, each and with: no lookup of whatever, no logging.
    knownHelpersOnly: true,
    knownHelpers: { lookup: false, log: false },
  };
  // compile() itself does nothing until the first email; this finds the faults now.
  Handlebars.precompile(program, options);
  const fill = Handlebars.compile(program, options);
  return (variables: Readonly<Record<string, unknown>>) => fill(variables);
}

/** Refuses `{{{raw}}}` and `{{&raw}}`: no template may opt out of escaping, so that none can be attacked. */
class EscapedOnly extends Handlebars.Visitor {
  override MustacheStatement(mustache: hbs.AST.MustacheStatement): void {
    if (!mustache.escaped) {
      throw new TemplateError(
        `line ${mustache.loc.start.line}: raw output ({{{…}}} or {{&…}}) is not allowed`,
      );
    }
    super.MustacheStatement(mustache);
  }
}

/** Line breaks and other control characters end a header: they become a space. */
function singleLine(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return value.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}
