/** The URLs of servers: what they may say about TLS, and what is added to them once they are read. */
import { readFileSync } from 'node:fs';
import { parseRedisUrl } from '@sv-sdk/redis/url';
import { z } from 'zod';
import type { SettingName } from './settings.ts';

/** Their names mean a server of this stack: Docker's DNS knows them. */
const BUNDLED_HOSTS = new Set([
  'postgres',
  'postgres-replica',
  'postgres-replica-2',
  'pgbouncer',
  'redis',
  'redis-queue',
]);

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/;

/** The setting with the CA that a server is trusted by, and the role that Postgres is used as where the URL names none. */
const SERVERS = {
  DATABASE_URL: { ca: 'DATABASE_CA_FILE', role: 'sv_app' },
  DATABASE_REPLICA_URL: { ca: 'DATABASE_CA_FILE', role: 'sv_app' },
  DATABASE_REPLICA_DIRECT_URL: { ca: 'DATABASE_CA_FILE', role: 'sv_app' },
  DATABASE_DIRECT_URL: { ca: 'DATABASE_CA_FILE', role: 'sv_owner' },
  REDIS_URL: { ca: 'REDIS_CA_FILE', role: '' },
  REDIS_QUEUE_URL: { ca: 'REDIS_CA_FILE', role: '' },
} as const satisfies Partial<Record<SettingName, { ca: SettingName; role: string }>>;

export type ServerUrlName = keyof typeof SERVERS;
type CaFileName = (typeof SERVERS)[ServerUrlName]['ca'];

/**
 * Of what libpq and node-postgres understand, only what means the same to both: `require` checks no certificate in
 * libpq, and all of it in node-postgres until its next major version.
 */
export function refuseDoubtfulTls(url: string, context: z.RefinementCtx): void {
  if (!URL.canParse(url)) return;
  const parameters = new URL(url).searchParams;
  const refuse = (message: string) => context.addIssue({ code: 'custom', message });
  const sslmode = parameters.get('sslmode');
  if (sslmode !== null && sslmode !== 'verify-full' && sslmode !== 'disable') {
    refuse(
      'must say sslmode=verify-full (TLS, with the certificate and the host name checked) or sslmode=disable',
    );
  }
  const other = [...parameters.keys()].find((name) => /^(?:ssl(?!mode$)|uselibpqcompat)/.test(name));
  if (other !== undefined) refuse(`must not say ${other}: a CA goes into secrets/database_ca`);
}

/** The path of a file with certificates. An empty file counts as unset. */
export const caFile = z.string().transform((path, context) => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return refuse(`must be a file that can be read (${path}: ${code})`);
  }
  if (content.trim() === '') return undefined;
  return CERTIFICATE.test(content)
    ? path
    : refuse(`must be a file with certificates in PEM; ${path} has none`);
});

/** TLS, which is always checked. A URL of Postgres that says nothing about it has none. */
export const usesTls = (url: string): boolean =>
  (parseRedisUrl(url)?.isTls ?? false) || new URL(url).searchParams.get('sslmode') === 'verify-full';

/** Servers of docker-compose.scale.yml, which run beside or in place of the bundled ones. */
const OPTIONAL_HOST = /^redis-cluster(?:-\d)?$/;

/** In this stack, so that it need not run yet when settings are checked. */
export const isOfThisStack = (url: string): boolean =>
  isBundled(url) || OPTIONAL_HOST.test(new URL(url).hostname);

/** Left out of the stack as soon as a URL says that it is elsewhere. Of several hosts, as libpq takes them, all are. */
export const isBundled = (url: string): boolean =>
  new URL(url).hostname.split(',').every((host) => BUNDLED_HOSTS.has(host));

/** Whether the processes connect to what has the console: PgBouncer, and not a server itself. */
export const isPooled = (config: { DATABASE_URL: string; PGBOUNCER_CONSOLE_URL: string }): boolean =>
  new URL(config.DATABASE_URL).host === new URL(config.PGBOUNCER_CONSOLE_URL).host;

/** `host:port`, for messages and to tell servers apart; never with a password. */
export function addressOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol.startsWith('redis') ? 6379 : 5432)}`;
}

/**
 * Adds to the URLs, in place, what a connection needs besides: the role, and the CA as `sslrootcert`, which libpq and
 * node-postgres know, and our client of Redis as well. So whoever is given a URL is given all of it.
 */
export function completeServerUrls(
  config: { [Name in SettingName]?: unknown },
  readCaFile: (name: CaFileName) => string | undefined,
): void {
  for (const name of Object.keys(SERVERS) as ServerUrlName[]) {
    const { [name]: value } = config;
    const complete = (url: string) =>
      completeUrl(name, url, usesTls(url) ? readCaFile(SERVERS[name].ca) : undefined);
    if (typeof value === 'string') config[name] = complete(value);
    if (Array.isArray(value)) config[name] = value.map(complete);
  }
}

function completeUrl(name: ServerUrlName, url: string, caPath: string | undefined): string {
  const { role } = SERVERS[name];
  const parsed = new URL(url);
  // Where only DATABASE_URL is set, Compose hands it on as the direct one, too; sv_app can't migrate.
  const isOfTheApp = name === 'DATABASE_DIRECT_URL' && parsed.username === 'sv_app';
  const lacksRole = role !== '' && (parsed.username === '' || isOfTheApp);
  if (!lacksRole && caPath === undefined) return url;
  if (lacksRole) parsed.username = role;
  if (caPath !== undefined) parsed.searchParams.set('sslrootcert', caPath);
  return parsed.href;
}
