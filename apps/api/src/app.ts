import express, { type Express } from 'express';
import { mountAdmin } from './admin/admin.ts';
import type { Endpoint } from './endpoint/endpoint.ts';
import { mountEndpoints } from './endpoint/mount.ts';
import { cors } from './middleware/cors.ts';
import { answerErrors } from './middleware/errors.ts';
import { limits } from './middleware/limits.ts';
import { routeNotFound } from './middleware/not-found.ts';
import { observe } from './middleware/observe.ts';
import { requestId } from './middleware/request-id.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { shedLoad } from './middleware/shed-load.ts';
import { createOpenApiDocument } from './openapi.ts';
import { limitUnknownRoutes } from './rate-limits/limit-unknown-routes.ts';
import { mountLinkPages } from './routes/auth/pages.ts';
import { mountDocs } from './routes/docs.ts';
import { mountHealth } from './routes/health.ts';
import { endpoints } from './routes/index.ts';
import { mountUnsubscribe } from './routes/unsubscribe/mount.ts';
import { mountEmailWebhooks } from './routes/webhooks/receive.ts';
import type { Services } from './services.ts';

/** nginx, and nobody else, stands in front of us; a second hop could be forged by a client. */
const TRUSTED_HOPS = 1;

/** The API; `more` are endpoints beside the platform's own (tests). */
export function createApp(services: Services, more: readonly Endpoint[] = []): Express {
  const app = express();
  app.set('etag', false); // answers are not cached, and a hash of each costs time
  // Else Express answers `If-None-Match: *` with an empty 304 in place of our answer.
  Object.defineProperty(app.request, 'fresh', { value: false });
  app.set('x-powered-by', false);
  app.set('query parser', 'simple'); // no nested objects out of a query
  app.set('trust proxy', TRUSTED_HOPS);

  app.use(requestId);
  app.use(observe(services));
  app.use(securityHeaders(services.settings));
  app.use(cors(services.settings.corsOrigins));
  app.use(limits);

  mountHealth(app, services);
  // Behind the health routes: who asks whether we are alive must not be told that we are busy.
  app.use(shedLoad(services.overload));
  const { version } = services.settings;
  mountDocs(app, createOpenApiDocument(endpoints, { version, cookieName: services.auth.cookieName }));
  mountLinkPages(app);
  mountUnsubscribe(app, services);
  mountEmailWebhooks(app, services);
  mountAdmin(app, services);
  mountEndpoints(app, [...endpoints, ...more], services);

  app.use(limitUnknownRoutes(services.rateLimits));
  app.use(routeNotFound);
  app.use(answerErrors(services.settings));
  return app;
}
