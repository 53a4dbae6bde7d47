import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Express, Request } from 'express';
import type { ApiResponse } from '../locals.ts';
import type { OpenApiDocument } from '../openapi.ts';

const PAGE = '/api/v1/docs';
const DOCUMENT = '/api/v1/openapi.json';
/** They are the same for everybody, so a cache between may keep them; `sendFile` would leave the `no-store` of all answers. */
const ASSET_CACHE = 'public, max-age=3600';
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] as const;

/** Only our own files and the API itself. Swagger UI sets style attributes and has its icons as data: URLs. */
const PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HTML = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>SV-SDK API</title>
    <link rel="stylesheet" href="${PAGE}/swagger-ui.css">
    <link rel="icon" type="image/png" href="${PAGE}/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${PAGE}/swagger-ui-bundle.js"></script>
    <script src="${PAGE}/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({ url: '${DOCUMENT}', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n`;

/** The OpenAPI document and a page to read it; everything comes from here, nothing from a CDN. */
export function mountDocs(app: Express, document: OpenApiDocument): void {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const get = (path: string, answer: (response: ApiResponse) => void) =>
    app.get(path, (_request: Request, response: ApiResponse) => {
      response.locals.route = path;
      answer(response);
    });

  get(DOCUMENT, (response) => response.json(document));
  get(PAGE, (response) => response.set('Content-Security-Policy', PAGE_CSP).type('html').send(HTML));
  get(`${PAGE}/start.js`, (response) => response.type('js').send(START));
  for (const asset of ASSETS) {
    get(`${PAGE}/${asset}`, (response) =>
      response.set('Cache-Control', ASSET_CACHE).sendFile(asset, { root: folder, cacheControl: false }),
    );
  }
}
