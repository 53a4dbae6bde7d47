/** The certificate of a stack with a DOMAIN. */
import { issue } from '../../harness/certificates.ts';
import { project, shellOrThrow } from '../stack.ts';
import { type Cause, type Room, recreate } from './cause.ts';

const DOMAIN = 'alerts.sv.internal';
const IN_PRODUCTION = {
  COMPOSE_FILE: 'docker-compose.yml:docker-compose.prod.yml',
  DOMAIN,
  PUBLIC_BIND: '127.0.0.1',
  PUBLIC_HTTP_PORT: '13480',
  PUBLIC_HTTPS_PORT: '13443',
};
/** What Let's Encrypt issues. */
const LASTS_MS = 90 * 86_400_000;

/** Alone, as nginx is another container before and after it: who asks meanwhile gets no answer. */
export const certificate: Room = {
  name: 'the certificate',
  causes: [['nobody has got a certificate', noCertificate()]],
};

/** In the volume that acme puts it into. */
const inVolume = (command: string, input = '') =>
  shellOrThrow(
    `docker run --rm --interactive --network none --user 0 --volume ${project}_certificates:/certificates --entrypoint sh ` +
      `sv-sdk/nginx:\${SV_VERSION:-dev} -c '${command}' <<'END'\n${input}\nEND`,
  );

/** Then nginx serves one that it has signed itself, for a day. With the one of an authority in its place the alert ends. */
function noCertificate(): Cause {
  return {
    alerts: ['CertificateEndsSoon{severity="warning"}', 'CertificateEndsSoon{severity="critical"}'],
    async start() {
      await recreate('nginx', IN_PRODUCTION);
      await recreate('nginx-log-exporter', IN_PRODUCTION);
    },
    async end() {
      const { pem, keyPem } = await issue({ name: DOMAIN, endsInMs: LASTS_MS });
      await inVolume(
        `cat >/certificates/.new && chmod 0444 /certificates/.new && mv /certificates/.new /certificates/${DOMAIN}.pem`,
        `${pem}\n${keyPem}`,
      );
    },
    async cleanUp() {
      await inVolume(`rm -f /certificates/${DOMAIN}.pem`);
      await recreate('nginx nginx-log-exporter');
    },
  };
}
