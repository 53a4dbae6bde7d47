/** For tests: the front door as it stands in infra/nginx, whatever its image was built of. */
import { readFileSync } from 'node:fs';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

export const HTTP_PORT = 8080;

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
      { content: sourceOf('entrypoint.sh'), target: '/usr/local/bin/entrypoint.sh', mode: 0o755 },
    ])
    .withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }])
    .withEnvironment({
      RESOLVER: '127.0.0.1',
      EMAIL_ATTACHMENTS_MAX_BYTES: String(options.attachmentsMaxBytes),
    })
    .withExposedPorts(HTTP_PORT)
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
}
