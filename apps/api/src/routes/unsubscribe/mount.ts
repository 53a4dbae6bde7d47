import { recordAudit } from '@sv-sdk/audit';
import { type EmailPreferences, findPreferences, setMarketing, UNSUBSCRIBE_TOKEN } from '@sv-sdk/email';
import express, { type Express, type Request } from 'express';
import { clientAddress } from '../../endpoint/mount.ts';
import type { ApiResponse } from '../../locals.ts';
import type { Services } from '../../services.ts';
import { PAGE_CSP, preferencesPage, UNKNOWN_LINK_PAGE } from './page.ts';

const PATH = '/unsubscribe/:token';

/** A form of one field. Whatever else comes is not looked at. */
const readText = express.text({ type: () => true, limit: '16kb', inflate: false });

/**
 * The links in marketing emails, for people and for mail programs (RFC 8058). Nobody signs in: who has the token
 * has the email. A GET changes nothing, as scanners of mails follow every link; a POST does, with no look at where
 * it comes from, as mail programs send it from their own servers.
 */
export function mountUnsubscribe(app: Express, services: Services): void {
  app.get(PATH, async (request: Request, response: ApiResponse) => {
    response.locals.route = PATH;
    await counter(services, request, response)();
    show(response, await find(services, request));
  });

  app.post(PATH, readText, async (request: Request, response: ApiResponse) => {
    response.locals.route = PATH;
    const count = counter(services, request, response);
    const action = actionOf(request);
    const found = await find(services, request);
    // Mail programs of a large provider come from few addresses, and each of their requests must count for its
    // reader. It changes a row once; what may change it back and forth is limited like everything else.
    if (action !== undefined || found === undefined) await count();
    if (found === undefined) {
      show(response, undefined);
      return;
    }
    const marketing = action === 'resubscribe';
    const changed = await change(services, request, marketing);
    // A page that was answered to a POST would ask to send it again when it is reloaded. Mail programs follow no
    // redirect, and RFC 8058 forbids it.
    if (action !== undefined)
      response.redirect(303, String(request.params['token'])); // relative to where it is
    else show(response, changed ?? { ...found, marketing });
  });
}

const counter = (services: Services, request: Request, response: ApiResponse) =>
  services.rateLimits.admit({ headers: request.headers, ipAddress: clientAddress(request) }, response, {
    access: 'public',
  });

/** From the primary: after a click the page must show what was clicked. */
async function find(services: Services, request: Request): Promise<EmailPreferences | undefined> {
  const token = tokenOf(request);
  return token === undefined ? undefined : findPreferences(services.db.write(), { token });
}

function tokenOf({ params: { token } }: Request): string | undefined {
  return typeof token === 'string' && UNSUBSCRIBE_TOKEN.test(token) ? token : undefined;
}

/**
 * What the page's button says; undefined: it is a mail program. That may send its body as multipart/form-data, or
 * none at all, and means the same by it.
 */
function actionOf(request: Request): 'unsubscribe' | 'resubscribe' | undefined {
  if (!request.is('application/x-www-form-urlencoded') || typeof request.body !== 'string') return undefined;
  const action = new URLSearchParams(request.body).get('action');
  return action === 'unsubscribe' || action === 'resubscribe' ? action : undefined;
}

function change(services: Services, request: Request, marketing: boolean) {
  return services.db.withTx(async (tx) => {
    const token = tokenOf(request);
    const changed = token === undefined ? undefined : await setMarketing(tx, { token }, marketing);
    if (changed !== undefined) {
      await recordAudit(tx, {
        eventType: marketing ? 'email.resubscribed' : 'email.unsubscribed',
        userId: null,
        ipAddress: clientAddress(request),
        metadata: { preferencesId: changed.id },
      });
    }
    return changed;
  });
}

function show(response: ApiResponse, preferences: EmailPreferences | undefined): void {
  response
    .status(preferences === undefined ? 404 : 200)
    .set('Content-Security-Policy', PAGE_CSP)
    .type('html')
    .send(preferences === undefined ? UNKNOWN_LINK_PAGE : preferencesPage(preferences));
}
