import { Parser } from 'htmlparser2';
import { type MjmlFault, runMjml } from './compile.ts';
import { TemplateError } from './errors.ts';
import { findPlaceholders, type Placeholder } from './placeholders.ts';
import { prepareTemplate } from './render.ts';
import type { EmailTemplate } from './templates.ts';
import { PLATFORM_VARIABLES } from './variables.ts';

/** What somebody wants to make a version of. */
export type TemplateDraft = Pick<EmailTemplate, 'subject' | 'mjml' | 'kind'> & {
  /** Names that a caller must give. */
  readonly variables: readonly string[];
  /** For a preview: these are names that somebody gives, used or not. */
  readonly mayLeaveOut?: boolean;
};

export interface TemplateFault {
  readonly field: 'subject' | 'mjml' | 'variables';
  readonly message: string;
}

export type TemplateValidation =
  /** `html`: what MJML made of it, to be kept with the version. */
  | { readonly isValid: true; readonly html: string }
  | { readonly isValid: false; readonly faults: readonly TemplateFault[] };

/** In characters. The largest of MJML's own samples has 30,000. */
export const MAX_MJML_LENGTH = 200_000;
/** Mail programs show about 70; a header line may have 998. */
export const MAX_SUBJECT_LENGTH = 300;
export const MAX_VARIABLES = 50;
/** MJML makes of a large template about five times as much. */
const MAX_HTML_LENGTH = 1_000_000;
/** With values of 10,000 characters at the most an email stays below 5 MB. */
const MAX_PLACEHOLDERS = 500;
/** Who has more to mend is not helped by a longer list. */
const MAX_FAULTS = 20;

/** A name that Handlebars takes for a plain one, and that no object has by itself. */
export const VARIABLE_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const RESERVED = new Set(['if', 'unless', 'each', 'with', 'lookup', 'log', 'else', 'this', 'as']);
const LITERALS = new Set(['true', 'false', 'null', 'undefined']);

export const isVariableName = (name: string) =>
  VARIABLE_NAME.test(name) && !RESERVED.has(name) && !LITERALS.has(name) && !(name in {});

/**
 * Everything that can be known of a template before its first email: its MJML, its placeholders, its variables, and
 * that no value of a variable can become anything but text. Loads MJML, and takes as long as the template makes it:
 * in a server that is `createTemplateCompiler`'s to call, in a thread of its own.
 */
export async function validateTemplate(draft: TemplateDraft): Promise<TemplateValidation> {
  const sizes = sizeFaults(draft);
  if (sizes.length > 0) return refused(sizes);
  const source = withoutComments(draft.mjml);
  const subject = findPlaceholders(draft.subject);
  const written = findPlaceholders(source);
  const beforeMjml = [
    ...subject.faults.map((fault) => inField('subject', { ...fault, line: undefined })),
    ...mjmlFaults([...sourceFaults(source), ...written.faults]),
    ...(written.found.length + subject.found.length > MAX_PLACEHOLDERS
      ? [{ field: 'mjml', message: `has more than ${MAX_PLACEHOLDERS} placeholders` } as const]
      : []),
  ];
  if (beforeMjml.length > 0) return refused(beforeMjml);

  const { html, faults } = await runMjml(draft.mjml);
  if (html === null) return refused(mjmlFaults(faults));
  if (html.length > MAX_HTML_LENGTH) {
    const message = `becomes ${html.length} characters of HTML, and ${MAX_HTML_LENGTH} are the most`;
    return refused([{ field: 'mjml', message }]);
  }
  const made = findPlaceholders(html);
  const afterMjml = [
    ...mjmlFaults([...made.faults, ...lostPlaceholders(written.found, made.found), ...markupFaults(html)]),
    ...variableFaults(draft, [...subject.found, ...made.found]),
    ...preparationFaults(draft, html),
  ];
  return afterMjml.length > 0 ? refused(afterMjml) : { isValid: true, html };
}

function refused(faults: readonly TemplateFault[]): TemplateValidation {
  const different = new Map(faults.map((fault) => [`${fault.field}: ${fault.message}`, fault]));
  return { isValid: false, faults: [...different.values()].slice(0, MAX_FAULTS) };
}

const inField = (field: TemplateFault['field'], { line, message }: MjmlFault): TemplateFault => ({
  field,
  message: line === undefined ? message : `line ${line}: ${message}`,
});

const mjmlFaults = (faults: readonly MjmlFault[]) => faults.map((fault) => inField('mjml', fault));

function sizeFaults({ subject, mjml, variables }: TemplateDraft): TemplateFault[] {
  const faults: TemplateFault[] = [];
  const add = (field: TemplateFault['field'], message: string) => faults.push({ field, message });
  if (subject.trim() === '') add('subject', 'must not be empty');
  if (subject.length > MAX_SUBJECT_LENGTH)
    add('subject', `must have at most ${MAX_SUBJECT_LENGTH} characters`);
  if (/[\p{Cc}\u2028\u2029]/u.test(subject)) add('subject', 'must be one line without control characters');
  if (mjml.length > MAX_MJML_LENGTH) add('mjml', `must have at most ${MAX_MJML_LENGTH} characters`);
  if (mjml.includes('\0')) add('mjml', 'must hold no NUL');
  if (variables.length > MAX_VARIABLES) add('variables', `must be at most ${MAX_VARIABLES}`);
  for (const name of variables) {
    if (!isVariableName(name)) add('variables', `"${name}" cannot be the name of a variable`);
  }
  if (new Set(variables).size < variables.length) add('variables', 'must be different names');
  return faults;
}

/** MJML drops its own comments; the lines after them keep their numbers. */
function withoutComments(mjml: string): string {
  let kept = '';
  for (let position = 0; ; ) {
    const start = mjml.indexOf('<!--', position);
    if (start === -1) return kept + mjml.slice(position);
    const end = mjml.indexOf('-->', start);
    const after = end === -1 ? mjml.length : end + '-->'.length;
    kept += mjml.slice(position, start) + mjml.slice(start, after).replace(/[^\n]+/g, '');
    position = after;
  }
}

/** What MJML says badly or not at all: no MJML, an element that is never closed, whose content it drops, an include. */
function sourceFaults(source: string): MjmlFault[] {
  const faults: MjmlFault[] = [];
  const open: { name: string; line: number }[] = [];
  const lineAt = lineCounter(source);
  let isFirst = true;
  const parser = new Parser(
    {
      onopentagname(name) {
        const line = lineAt(parser.startIndex);
        if (isFirst && name !== 'mjml') faults.push({ line, message: 'must begin with <mjml>' });
        isFirst = false;
        open.push({ name, line });
        if (name === 'mj-include') faults.push({ line, message: 'mj-include is not allowed' });
      },
      onclosetag(name, isImplied) {
        const { line } = open.pop() ?? { line: undefined };
        const isSelfClosed = source.startsWith('/>', parser.endIndex - 1);
        if (isImplied && !isSelfClosed && name.startsWith('mj')) {
          faults.push({ line, message: `<${name}> is not closed` });
        }
      },
    },
    { recognizeSelfClosing: true, decodeEntities: false },
  );
  parser.end(source);
  if (isFirst) faults.push({ line: undefined, message: 'must begin with <mjml>' });
  return faults;
}

/** The line of a place, from 1; asked for places in rising order only. */
function lineCounter(text: string): (index: number) => number {
  let line = 1;
  let counted = 0;
  return (index) => {
    for (let next = text.indexOf('\n', counted); next !== -1 && next < index; ) {
      line += 1;
      counted = next + 1;
      next = text.indexOf('\n', counted);
    }
    return line;
  };
}

/** Between elements MJML drops text without a word, and with it an `{{#if}}` that somebody relies on. */
function lostPlaceholders(written: readonly Placeholder[], made: readonly Placeholder[]): MjmlFault[] {
  const keyOf = ({ name, use }: Placeholder) => `${use} ${name}`;
  const counts = Map.groupBy(made, keyOf);
  return [...Map.groupBy(written, keyOf)]
    .filter(([key, uses]) => uses.length > (counts.get(key)?.length ?? 0))
    .map(([, [first]]) => ({
      line: first?.line,
      message: `MJML drops {{${first?.use === 'print' ? '' : `#${first?.use} `}${first?.name}}}: between elements it has to stand in an <mj-raw>`,
    }));
}

/** Where escaping HTML does not keep a value from being more than text, and what no mail program would run. */
function markupFaults(html: string): MjmlFault[] {
  const messages = new Set<string>();
  const holdsPlaceholder = (text: string) => text.includes('{{');
  let isInStyle = false;
  const parser = new Parser(
    {
      onopentagname(name) {
        if (name === 'script') messages.add('<script> is not allowed');
        if (holdsPlaceholder(name)) messages.add('a variable cannot be the name of an element');
        isInStyle = name === 'style';
      },
      onclosetag() {
        isInStyle = false;
      },
      onattribute(name, value, quote) {
        if (/^on/i.test(name)) messages.add(`the attribute ${name} is not allowed: it would be a script`);
        if (/^\s*javascript:/i.test(value)) messages.add('an address must not be a script');
        if (holdsPlaceholder(name)) messages.add('a variable inside a tag must stand in a quoted attribute');
        if (!holdsPlaceholder(value)) return;
        if (!quote) messages.add(`the attribute ${name} holds a variable, so it must stand in quotes`);
        if (name === 'style') messages.add('a variable in a style cannot be escaped');
      },
      ontext(text) {
        if (isInStyle && holdsPlaceholder(text)) messages.add('a variable in a style cannot be escaped');
      },
    },
    { recognizeSelfClosing: true },
  );
  parser.end(html);
  return [...messages].map((message) => ({ line: undefined, message }));
}

/** Callers are told which variables they must give: all that are shown, and none for nothing. */
function variableFaults(draft: TemplateDraft, used: readonly Placeholder[]): TemplateFault[] {
  const usedNames = new Set(used.map(({ name }) => name));
  const declared = new Set(draft.variables);
  const platform: readonly string[] = PLATFORM_VARIABLES[draft.kind];
  const faults: TemplateFault[] = [];
  const add = (field: TemplateFault['field'], message: string) => faults.push({ field, message });
  for (const name of usedNames) {
    if (!declared.has(name) && !platform.includes(name))
      add('variables', `{{${name}}} is used and not declared`);
  }
  for (const name of declared) {
    if (platform.includes(name)) add('variables', `"${name}" is put in by the platform`);
    else if (!usedNames.has(name) && !draft.mayLeaveOut)
      add('variables', `"${name}" is declared and not used`);
  }
  for (const name of platform) {
    if (!usedNames.has(name)) add('mjml', `a ${draft.kind} template must show {{${name}}}`);
  }
  return faults;
}

/** What is left to go wrong, in the plain-text part for one: a block that begins in a link and ends outside of it. */
function preparationFaults(draft: TemplateDraft, html: string): TemplateFault[] {
  try {
    prepareTemplate({
      name: 'draft',
      kind: draft.kind,
      subject: draft.subject,
      html,
      variables: [...draft.variables],
    });
    return [];
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return [{ field: 'mjml', message: error.message.replaceAll('\n', ' ') }];
  }
}
