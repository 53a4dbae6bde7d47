const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  copy: '©',
  gt: '>',
  hellip: '…',
  lt: '<',
  mdash: '—',
  nbsp: ' ',
  ndash: '–',
  quot: '"',
};

/**
 * The words of an HTML template as plain text: a link keeps its address, an image its alternative text, and
 * block elements end a line. Placeholders pass through as they are, so this runs once a template and never
 * sees what a caller put in. For the HTML that MJML makes, not for any HTML.
 */
export function htmlToText(html: string): string {
  const body = /<body[^>]*>([\s\S]*)<\/body>/i.exec(html)?.[1] ?? html;
  const marked = body
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<(style|script|title)\b[\s\S]*?<\/\1\s*>/gi, '')
    // MJML's preview line, which mail programs show in their lists: hidden, and said again in the text.
    .replace(/<div style="display:none[^"]*">[\s\S]*?<\/div>/gi, '')
    .replace(/\s+/g, ' ')
    .replace(/<img\b[^>]*?\balt="([^"]*)"[^>]*>/gi, ' $1 ')
    .replace(/<a\b[^>]*?\bhref="([^"]*)"[^>]*>([\s\S]*?)<\/a>/gi, (_, href: string, label: string) => {
      const words = label.replace(/<[^>]*>/g, ' ').trim();
      return words === '' || words === href ? href : `${words}: ${href}`;
    })
    .replace(/<li\b[^>]*>/gi, '\n- ')
    .replace(/<\/(p|h[1-6])>/gi, '\n\n')
    .replace(/<br\s*\/?>|<\/(div|tr|table|ul|ol)>/gi, '\n')
    .replace(/<\/?(strong|em|b|i|u|span|small)\b[^>]*>/gi, '')
    .replace(/<[^>]*>/g, ' ');
  return decodeEntities(marked)
    .split('\n')
    .map((line) => line.replace(/[ \t\u00a0]+/g, ' ').trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|([a-z]+));/gi, (whole, decimal, hexadecimal, name) => {
    const code = decimal
      ? Number.parseInt(decimal, 10)
      : hexadecimal
        ? Number.parseInt(hexadecimal, 16)
        : undefined;
    if (code !== undefined) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    return ENTITIES[name.toLowerCase()] ?? whole;
  });
}
