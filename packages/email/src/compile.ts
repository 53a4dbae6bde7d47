import { TemplateError } from './errors.ts';

/** A fault that MJML found, and where. */
export interface MjmlFault {
  readonly line: number | undefined;
  readonly message: string;
}

/** What MJML makes of a template, its placeholders as they are; null: nothing, for these faults. */
export async function runMjml(
  mjml: string,
): Promise<{ html: string; faults: readonly [] } | { html: null; faults: readonly MjmlFault[] }> {
  // Here and not above: 80 MB and 0.6 s, which a process that only takes emails in, or sends them, never needs.
  const { default: mjml2html } = await import('mjml');
  try {
    const { html, errors } = await mjml2html(mjml, {
      // What is wrong comes back with its lines; 'strict' throws it as one text.
      validationLevel: 'soft',
      ignoreIncludes: true,
      keepComments: false,
      fonts: {},
    });
    if (errors.length === 0) return { html, faults: [] };
    return { html: null, faults: errors.map(({ line, message }) => ({ line, message: message.trim() })) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { html: null, faults: [{ line: undefined, message: `MJML makes nothing of it: ${message}` }] };
  }
}

/** MJML to HTML, its placeholders as they are. Throws {@link TemplateError}. */
export async function compileMjml(mjml: string): Promise<string> {
  const { html, faults } = await runMjml(mjml);
  if (html === null) throw new TemplateError(`wrong MJML: ${faults.map(describeFault).join('; ')}`);
  return html;
}

export const describeFault = ({ line, message }: MjmlFault) =>
  line === undefined ? message : `line ${line}: ${message}`;
