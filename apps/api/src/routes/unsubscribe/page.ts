import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --ink: #18212f; --soft: #5b6675; --paper: #fff; --ground: #f3f5f8; --line: #dfe4ea; --accent: #1d4ed8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf2; --soft: #a3adba; --paper: #1b2330; --ground: #11161f; --line: #2e3848; --accent: #3b6cf0; }
}
* { box-sizing: border-box; }
body { min-height: 100vh; min-height: 100dvh; margin: 0; padding: 1rem; display: grid; place-items: center;
  background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 27rem; padding: 2rem; background: var(--paper); border: 1px solid var(--line); border-radius: 0.9rem; }
h1 { margin: 0 0 0.75rem; font-size: 1.4rem; line-height: 1.25; text-wrap: balance; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
p:last-child { margin-bottom: 0; }
.soft { color: var(--soft); font-size: 0.9rem; }
button { width: 100%; margin: 0.5rem 0 1.25rem; padding: 0.75rem 1rem; font: inherit; font-weight: 600; color: #fff;
  background: var(--accent); border: 1px solid var(--accent); border-radius: 0.55rem; cursor: pointer; }
form:last-child button { margin-bottom: 0; }
button.quiet { color: var(--ink); background: transparent; border-color: var(--line); }
button:hover { filter: brightness(1.08); }
button:focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 45%, transparent); outline-offset: 2px; }
`;

/** No script, nothing from elsewhere; the style is in the page and known by its hash; the button's form comes here. */
export const PAGE_CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const page = (title: string, content: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>${title}</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <main>
      <h1>${title}</h1>
      ${content}
    </main>
  </body>
</html>
`;

/** Without an action it comes back to the page's own address, whatever stands before us. */
const button = (action: 'unsubscribe' | 'resubscribe', label: string) =>
  `<form method="post"><button name="action" value="${action}"${action === 'resubscribe' ? ' class="quiet"' : ''}>${label}</button></form>`;

const STILL_SENT =
  '<p class="soft">Messages that belong to your account, such as a link to reset your password, are sent all the same.</p>';

/** What the link of a marketing email leads to: how it stands, and the button that changes it. */
export function preferencesPage({ email, marketing }: { email: string; marketing: boolean }): string {
  const address = `<strong>${escaped(masked(email))}</strong>`;
  return marketing
    ? page(
        'Unsubscribe',
        `<p>No more newsletters and offers for ${address}?</p>
      ${button('unsubscribe', 'Unsubscribe')}
      ${STILL_SENT}`,
      )
    : page(
        'You are unsubscribed',
        `<p>${address} gets no newsletters and offers any more.</p>
      ${STILL_SENT}
      ${button('resubscribe', 'Subscribe again')}`,
      );
}

export const UNKNOWN_LINK_PAGE = page(
  'This link does not work',
  '<p>It may have been cut by your mail program. Open it from the email once more, or copy it as a whole.</p>',
);

/** Mails are forwarded with their links: enough for the owner to know it, too little for anybody else. */
function masked(email: string): string {
  const [, first = '', domain = ''] = /^(.)[^@]*@(.*)$/u.exec(email) ?? [];
  return `${first}•••@${domain}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
