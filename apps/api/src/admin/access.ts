import type { Express, Request } from 'express';
import { requirePermission } from '../authorise.ts';
import { identify, requireAccess } from '../endpoint/authenticate.ts';
import { checkOrigin } from '../endpoint/check-origin.ts';
import { clientAddress } from '../endpoint/mount.ts';
import { type Attempt, isRefusal, recordRefusal } from '../endpoint/refusals.ts';
import type { ApiResponse } from '../locals.ts';
import type { Services } from '../services.ts';

const PATH = '/admin/access';
const PERMISSION = 'read:any:operations';

/**
 * What nginx asks before each request to an operators' page that is not ours (infra/nginx/pages-on.conf, auth_request): 204
 * for who may, 401 and 403 for who may not. The page's own method comes in a header, as nginx always asks by GET.
 */
export function mountAccess(app: Express, services: Services): void {
  app.get(PATH, async (request: Request, response: ApiResponse) => {
    response.locals.route = PATH;
    const { headers } = request;
    const ipAddress = clientAddress(request);
    const attempt: Attempt = { operationId: 'operatorsPages', ipAddress, id: undefined, caller: undefined };
    const count = services.rateLimits.admit({ headers, ipAddress }, response, { access: 'session' });
    const caller = await identify(services.auth, 'session', headers).catch(async (error: unknown) => {
      await count();
      throw error;
    });
    attempt.caller = caller;
    try {
      const principal = requireAccess('session', caller);
      if (principal === undefined) throw new Error('access "session" let in nobody');
      requirePermission(principal, PERMISSION);
      const source = caller.outcome === 'anonymous' ? undefined : caller.source;
      checkOrigin(request, source, services.settings, request.get('x-original-method'));
      response.locals.userId = principal.userId;
    } catch (error) {
      await count(caller.outcome === 'identified' ? caller.principal : undefined);
      // Who is not signed in is sent to where that is done.
      if (isRefusal(error) && caller.outcome !== 'anonymous') {
        await services.db.withTx((tx) => recordRefusal(tx, attempt, error), { separate: true });
      }
      throw error;
    }
    // Not counted: each panel and each file of a page asks.
    response.status(204).end();
  });
}
