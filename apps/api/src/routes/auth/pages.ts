import type { Express, Request } from 'express';
import type { ApiResponse } from '../../locals.ts';

const SCRIPT = '/api/v1/auth/link-page.js';
const STYLE = '/api/v1/auth/link-page.css';

/** Our own script, which calls the API, and our own style; nothing else. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const page = (title: string, endpoint: string, fields: string, button: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <link rel="stylesheet" href="${STYLE}">
    <script type="module" src="${SCRIPT}"></script>
  </head>
  <body>
    <main>
      <h1>${title}</h1>
      <form data-endpoint="${endpoint}">${fields}
        <button>${button}</button>
      </form>
      <p role="status"></p>
    </main>
  </body>
</html>
`;

const style = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 24rem; margin: 15vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; }
label { display: block; }
input, button { box-sizing: border-box; width: 100%; padding: 0.6rem; margin-top: 0.4rem; font: inherit; border-radius: 0.4rem; }
input { border: 1px solid GrayText; }
button { margin-top: 1rem; border: 0; background: #1d4ed8; color: #fff; cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; }
`;

/** Only a click uses a token up: programs that look at the links in mails follow them, and some run scripts. */
const script = `const form = document.querySelector('form');
const status = document.querySelector('[role=status]');
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
history.replaceState(null, '', location.pathname);
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  form.querySelector('button').disabled = true;
  const body = JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) });
  try {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(form.dataset.endpoint, { method: 'POST', headers, body, credentials: 'omit' });
    const answer = await response.json();
    status.textContent = answer.success ? 'Done. You can sign in now.' : answer.error.message;
    form.querySelector('button').disabled = answer.success;
  } catch {
    status.textContent = 'The server cannot be reached. Try again.';
    form.querySelector('button').disabled = false;
  }
});
`;

/**
 * The two pages that the links in our mails lead to where AUTH_LINK_BASE_URL names no others: as little as works,
 * for an installation without a web application of its own.
 */
export function mountLinkPages(app: Express): void {
  const get = (path: string, type: 'html' | 'js' | 'css', text: string) =>
    app.get(path, (_request: Request, response: ApiResponse) => {
      response.locals.route = path;
      response.set('Content-Security-Policy', CSP).type(type).send(text);
    });
  get('/verify-email', 'html', page('Confirm your address', '/api/v1/auth/verify-email', '', 'Confirm'));
  get(
    '/reset-password',
    'html',
    page(
      'Choose a new password',
      '/api/v1/auth/reset-password',
      `
        <label>New password
          <input name="password" type="password" autocomplete="new-password" minlength="12" maxlength="128" required>
        </label>`,
      'Set password',
    ),
  );
  get(SCRIPT, 'js', script);
  get(STYLE, 'css', style);
}
