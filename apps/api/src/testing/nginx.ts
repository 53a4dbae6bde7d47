/** For tests: the front door as it stands in infra/nginx, whatever its image was built of. */
import { readFileSync } from 'node:fs';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

export const HTTP_PORT = 8080;
/** With a domain: what the world's 443 and 80 lead to. */
export const HTTPS_PORT = 8443;
export const REDIRECT_PORT = 8082;

/** Of the template, with a domain. */
const PARTS = ['tls.conf', 'redirect.conf', 'pages.conf', 'pages-on.conf', 'pages-off.conf'];

const sourceOf = (name: string) =>
  readFileSync(new URL(`../../../../infra/nginx/${name}`, import.meta.url), 'utf8');

const APPS_BY_DNS = /server app:3000 resolve [^;]+;/;

/**
 * Starts nginx. `apps` are ports of this host in place of what ready-dns would tell; without them nobody is asked, and
 * what nginx takes is answered with 503.
 */
export async function startNginx(options: {
  attachmentsMaxBytes: number;
  apps?: readonly number[];
  /** The port of this host where what it logs is counted. */
  requestLogPort?: number;
  /** As in production: DOMAIN, and what goes with it. */
  production?: { DOMAIN: string } & Record<string, string>;
}): Promise<StartedTestContainer> {
  const template = sourceOf('nginx.conf.template');
  const configuration =
    options.apps === undefined
      ? template
      : template.replace(
          APPS_BY_DNS,
          // An app that breaks off on purpose, again and again, is not left alone for it.
          options.apps.map((port) => `server host.docker.internal:${port} max_fails=0;`).join('\n'),
        );
  return await new GenericContainer(`sv-sdk/nginx:${process.env['SV_VERSION'] || 'dev'}`)
    .withCopyContentToContainer([
      { content: configuration, target: '/etc/nginx/sv/nginx.conf.template', mode: 0o644 },
      ...['entrypoint.sh', 'certificate.sh'].map((name) => ({
        content: sourceOf(name),
        target: `/usr/local/bin/${name}`,
        mode: 0o755,
      })),
      ...PARTS.map((name) => ({ content: sourceOf(name), target: `/etc/nginx/sv/${name}`, mode: 0o644 })),
    ])
    .withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }])
    .withEnvironment({
      RESOLVER: '127.0.0.1',
      EMAIL_ATTACHMENTS_MAX_BYTES: String(options.attachmentsMaxBytes),
      ...(options.requestLogPort !== undefined && {
        REQUEST_LOG: `host.docker.internal:${options.requestLogPort}`,
      }),
      ...options.production,
    })
    .withExposedPorts(HTTP_PORT, ...(options.production === undefined ? [] : [HTTPS_PORT, REDIRECT_PORT]))
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
}
