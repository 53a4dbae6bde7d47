import type { Express, Request } from 'express';
import type { ApiResponse } from '../locals.ts';
import { BOARD_PATH } from './queue-board.ts';

export const SIGN_IN_PATH = '/admin/sign-in';
const SCRIPT = `${SIGN_IN_PATH}.js`;
const STYLE = `${SIGN_IN_PATH}.css`;

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

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>Sign in · SV-SDK</title>
    <link rel="stylesheet" href="${STYLE}">
    <script type="module" src="${SCRIPT}"></script>
  </head>
  <body>
    <main>
      <h1>Administration</h1>
      <form hidden>
        <label>Email address
          <input name="email" type="email" autocomplete="username" required autofocus>
        </label>
        <label>Password
          <input name="password" type="password" autocomplete="current-password" maxlength="128" required>
        </label>
        <button>Sign in</button>
      </form>
      <section hidden>
        <p>Signed in as <strong></strong>.</p>
        <a class="button" href="${BOARD_PATH}">Queues</a>
        <button type="button" class="second">Sign out</button>
      </section>
      <p role="status"></p>
    </main>
  </body>
</html>
`;

const STYLE_TEXT = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
main { box-sizing: border-box; max-width: 25rem; margin: 12vh auto 0; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; }
label { display: block; margin-top: 1rem; }
input, button, .button {
  box-sizing: border-box; display: block; width: 100%; padding: 0.6rem; margin-top: 0.4rem; font: inherit;
  text-align: center; border-radius: 0.4rem; border: 1px solid transparent;
}
input { text-align: start; border-color: GrayText; background: Field; color: FieldText; }
button, .button { margin-top: 1.25rem; background: #1d4ed8; color: #fff; text-decoration: none; cursor: pointer; }
.second { margin-top: 0.75rem; background: transparent; color: inherit; border-color: GrayText; }
button:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 3px solid #60a5fa; outline-offset: 2px; }
[hidden] { display: none; }
[role=status] { min-height: 1.5em; overflow-wrap: anywhere; }
`;

/** The cookie comes from the API's own sign-in, with its locks and limits; this page adds none of its own. */
const SCRIPT_TEXT = `const form = document.querySelector('form');
const account = document.querySelector('section');
const status = document.querySelector('[role=status]');

async function call(method, path, body) {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  try {
    const response = await fetch(path, { method, headers, body: JSON.stringify(body) });
    return await response.json();
  } catch {
    return { success: false, error: { message: 'The server cannot be reached. Try again.' } };
  }
}

function show(email) {
  account.querySelector('strong').textContent = email ?? '';
  account.hidden = email === undefined;
  form.hidden = email !== undefined;
  if (email === undefined) form.elements.email.focus();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  status.textContent = '';
  const answer = await call('POST', '/api/v1/auth/login', Object.fromEntries(new FormData(form)));
  button.disabled = false;
  if (!answer.success) {
    status.textContent = answer.error.message;
    return;
  }
  form.reset();
  const board = await fetch('${BOARD_PATH}', { headers: { accept: 'text/html' } });
  if (board.ok) location.assign('${BOARD_PATH}');
  else {
    show(answer.data.user.email);
    status.textContent = 'There is nothing here that this account may see.';
  }
});

account.querySelector('button').addEventListener('click', async () => {
  const answer = await call('POST', '/api/v1/auth/logout');
  status.textContent = answer.success ? 'Signed out.' : answer.error.message;
  if (answer.success) show(undefined);
});

const session = await call('GET', '/api/v1/auth/session');
show(session.success ? session.data.user.email : undefined);
`;

/** Where a browser gets the cookie that the pages for administrators ask for. Calls nothing before it is asked to. */
export function mountSignInPage(app: Express): void {
  const get = (path: string, type: 'html' | 'js' | 'css', text: string) =>
    app.get(path, (_request: Request, response: ApiResponse) => {
      response.locals.route = path;
      response.set('Content-Security-Policy', CSP).type(type).send(text);
    });
  get(SIGN_IN_PATH, 'html', PAGE);
  get(SCRIPT, 'js', SCRIPT_TEXT);
  get(STYLE, 'css', STYLE_TEXT);
}
