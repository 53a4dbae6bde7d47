import Handlebars from 'handlebars';
import { TemplateError } from './errors.ts';
import type { EmailTemplate } from './templates.ts';
import { htmlToText } from './text.ts';
import { firstMissingVariable, PLATFORM_VARIABLES } from './variables.ts';

/** From the first of them on: what looks at each blank of a long row anew takes its length squared. */
const BLANKS_AT_LINE_END = /(?<![\t ])[\t ]+$/gm;

/** What it takes to render an email. `html`: what MJML made of the template; null: nothing yet. */
export type RenderableTemplate = Pick<EmailTemplate, 'name' | 'kind' | 'subject' | 'html' | 'variables'>;

export interface RenderedEmail {
  /** One line, whatever the variables hold. */
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/**
 * A template filled with variables. HTML in a variable arrives as text; a line break in one can't add a header.
 * Throws {@link TemplateError} when a variable that the template declares is missing.
 */
export type Render = (variables: Readonly<Record<string, unknown>>) => RenderedEmail;

/** The three parts as Handlebars templates. Throws {@link TemplateError} when the template is at fault. */
export function prepareTemplate(template: RenderableTemplate): Render {
  const { name } = template;
  const needed = [...template.variables, ...PLATFORM_VARIABLES[template.kind]];
  if (template.html === null) {
    throw new TemplateError(`the template "${name}" has not been compiled: run \`sdk db migrate\``);
  }
  // MJML leaves blanks at the ends of lines, for the sake of which an email would have to be encoded (mime.ts).
  const html = template.html.replace(BLANKS_AT_LINE_END, '');
  const parts = attempt(name, () => ({
    subject: compilePart(template.subject, 'text'),
    html: compilePart(html, 'html'),
    text: compilePart(htmlToText(html), 'text'),
  }));
  return (variables) => {
    const missing = firstMissingVariable(needed, variables);
    // It was there when the email was asked for, or the platform forgot its own. Better failed than half empty.
    if (missing !== undefined) throw new TemplateError(`the template "${name}" needs "${missing}"`);
    return attempt(name, () => ({
      subject: singleLine(parts.subject(variables)),
      html: parts.html(variables),
      text: parts.text(variables),
    }));
  };
}

function attempt<T>(name: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TemplateError(`the template "${name}" is wrong: ${reason}`, { cause: error });
  }
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
