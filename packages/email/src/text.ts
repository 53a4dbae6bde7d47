import { compile } from 'html-to-text';

const PARAGRAPH = { leadingLineBreaks: 2, trailingLineBreaks: 2 };
const LINK = { linkBrackets: ['<', '>'], hideLinkHrefIfSameAsText: true };

const convert = compile({
  // A mail program wraps lines for its own window.
  wordwrap: false,
  formatters: {
    alternative(element, _walk, builder) {
      builder.addInline(element.attribs['alt'] ?? '');
    },
  },
  selectors: [
    // MJML's preview line, which mail programs show in their lists: hidden, and said again in the text.
    { selector: 'div[style^="display:none"]', format: 'skip' },
    { selector: 'a', options: LINK },
    { selector: 'img', format: 'alternative' },
    { selector: 'ul', options: { itemPrefix: '- ', ...PARAGRAPH } },
    // MJML puts everything into rows of tables.
    { selector: 'tr', format: 'block', options: PARAGRAPH },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
      selector,
      options: { uppercase: false, ...PARAGRAPH },
    })),
  ],
});

/**
 * The words of an HTML template as plain text: a link keeps its address, an image its alternative text, and block
 * elements end a line. Placeholders pass through as they are, so this runs once a template and never sees what a
 * caller put in. For the HTML that MJML makes.
 */
export function htmlToText(html: string): string {
  return convert(html)
    .replace(/\u00a0/g, ' ')
    .trim();
}
