/**
 * Every setting that a process of this platform reads, once: its name, what is expected, its default.
 * A setting without a default is required by each process that names it. No secret has a default.
 */
import { createPublicKey } from 'node:crypto';
import { parseRedisUrl, REDIS_URL_EXPECTED } from '@sv-sdk/redis/url';
import { z } from 'zod';
import { caFile, refuseDoubtfulTls } from './servers.ts';

/** A secret under this length is refused: 32 characters of hexadecimal are 128 bits. */
const MIN_SECRET_LENGTH = 32;

const url = (...protocols: [string, ...string[]]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const postgresUrl = url('postgres:', 'postgresql:').superRefine(refuseDoubtfulTls);

const redisUrl = z
  .string()
  .refine((value) => parseRedisUrl(value) !== undefined, { error: `must be ${REDIS_URL_EXPECTED}` });

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, { error: `must be a whole number from ${min} to ${max}` })
    .transform(Number)
    .refine((value) => value >= min && value <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    });

const secret = z
  .string()
  .min(MIN_SECRET_LENGTH, { error: `must have at least ${MIN_SECRET_LENGTH} characters` })
  .refine((value) => !/^(change.?me|secret|password|default)/i.test(value), {
    error: 'must be generated, not a well-known placeholder',
  });

/**
 * A secret that is changed in use (`make rotate`): the current one first, then those under which there still is something
 * to be read, a line each.
 */
const keyRing = z
  .string()
  .transform((value) => value.split(/\s+/))
  .pipe(z.tuple([secret], secret));
export type KeyRing = Readonly<z.output<typeof keyRing>>;

const password = z.string().min(12, { error: 'must have at least 12 characters' });

const boolean = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');

const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** Separated by commas. */
const postgresUrls = list.pipe(z.array(postgresUrl));

const decimal = z
  .string()
  .regex(/^\d{1,6}(?:\.\d{1,6})?$/, { error: 'must be a number such as 0.10' })
  .transform(Number);

/** As Docker and Postgres write them: 1g, 512m, 128MB. */
export const bytes = z
  .string()
  .regex(/^[1-9]\d*(?:\.\d+)?\s*[kmgt]?b?$/i, { error: 'must be a size such as 512m or 1g' })
  .transform((value) => {
    const unit = 'kmgt'.indexOf(/[kmgt]/i.exec(value)?.[0].toLowerCase() ?? ' ') + 1;
    return Math.round(Number.parseFloat(value) * 1024 ** unit);
  });

const EMAIL_PROVIDERS = ['smtp', 'ses', 'brevo', 'sendgrid', 'mock'] as const;
export type EmailProviderName = (typeof EMAIL_PROVIDERS)[number];
const emailProvider = z.enum(EMAIL_PROVIDERS, { error: `must be one of ${EMAIL_PROVIDERS.join(', ')}` });

/** Partition, region, account, name. */
export const SNS_TOPIC_ARN =
  /^arn:(aws(?:-cn|-us-gov)?):sns:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:[A-Za-z0-9_-]{1,256}$/;

function isEcPublicKey(base64: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ec';
  } catch {
    return false;
  }
}

export const settings = {
  // What the process is, and how it speaks.
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], {
      error: 'must be one of trace, debug, info, warn, error, fatal',
    })
    .default('info'),
  /** Of an app, for answers of success; 0: one for each. */
  LOG_SUCCESSES_PER_SECOND: integer(0, 100_000).default(50),
  SV_VERSION: z.string().default('dev'),
  HTTP_LISTEN_PORT: integer(1, 65535).default(3000),
  OPERATIONS_PORT: integer(1, 65535).default(9464),
  DRAIN_SECONDS: integer(0, 60).default(6),
  SHUTDOWN_DEADLINE_SECONDS: integer(1, 300).default(25),

  // Postgres. The URLs hold no password: it comes as DB_PASSWORD (or DB_PASSWORD_FILE).
  DATABASE_URL: postgresUrl,
  /** One of each replica, separated by commas; none: all reads go to the primary. */
  DATABASE_REPLICA_URL: postgresUrls.default([]),
  /** The server itself: migrations, backups, and what the bundled PgBouncer stands in front of. */
  DATABASE_DIRECT_URL: postgresUrl,
  DATABASE_REPLICA_DIRECT_URL: postgresUrl.optional(),
  /** Of the servers above, where they are trusted by a CA of their own. */
  DATABASE_CA_FILE: caFile.optional(),
  DB_PASSWORD: password,
  DB_OWNER_PASSWORD: password,
  DB_MONITOR_PASSWORD: password.optional(),
  DB_POOL_MIN: integer(0, 1000).default(2),
  DB_POOL_MAX: integer(1, 1000).default(10),
  /** PgBouncer's console, where `db migrate` has it open its connections anew; without a password it is left alone. */
  PGBOUNCER_CONSOLE_URL: url('postgres:', 'postgresql:').default(
    'postgres://sv_console@pgbouncer:6432/pgbouncer',
  ),
  PGBOUNCER_CONSOLE_PASSWORD: password.optional(),

  // What the connections are planned from (connection-plan.ts), and what is planned: absent where a person has not
  // chosen it.
  APP_INSTANCES: integer(1, 10_000).default(2),
  WORKER_INSTANCES: integer(1, 10_000).default(2),
  POSTGRES_CPUS: z
    .string()
    .regex(/^(?=.*[1-9])\d{1,4}(?:\.\d{1,3})?$/, {
      error: 'must be a number of CPUs above 0, such as 2 or 1.5',
    })
    .transform(Number)
    .default(2),
  POSTGRES_MEMORY: bytes.default(1024 ** 3),
  POSTGRES_SHARED_BUFFERS: bytes.default(128 * 1024 ** 2),
  /** Disks that seek: of the pool formula. An SSD, or a volume of a cloud, counts as one. */
  POSTGRES_SPINDLES: integer(0, 1000).default(1),
  POSTGRES_MAX_CONNECTIONS: integer(10, 100_000).optional(),
  PGBOUNCER_POOL_SIZE: integer(1, 10_000).optional(),
  PGBOUNCER_MAX_CLIENT_CONN: integer(10, 1_000_000).optional(),

  // When an app turns requests away rather than let all of them wait.
  OVERLOAD_EVENT_LOOP_DELAY_MS: integer(10, 10_000).default(200),
  OVERLOAD_POOL_WAITING: integer(1, 10_000).default(100),

  // Redis: the cache may be wiped at any time; the queue must keep what it has. A cluster may be both.
  REDIS_URL: redisUrl,
  REDIS_PASSWORD: password.optional(),
  REDIS_QUEUE_URL: redisUrl,
  REDIS_QUEUE_PASSWORD: password.optional(),
  REDIS_CA_FILE: caFile.optional(),
  /** The URLs of servers that somebody has set, by their names: Compose leaves bundled servers out by them. */
  SERVERS_SET: list.default([]),

  // Identity.
  BETTER_AUTH_SECRET: keyRing,
  BETTER_AUTH_URL: url('http:', 'https:'),
  ENCRYPTION_KEY: keyRing,
  CORS_ORIGIN: list.default([]),
  /** Where the pages are that the links in mails lead to; absent: BETTER_AUTH_URL, which has them, too. */
  AUTH_LINK_BASE_URL: url('http:', 'https:').optional(),
  REQUIRE_EMAIL_VERIFICATION: boolean.default(true),
  /** So many failures to sign in within the window lock an address. A day is the longest that housekeeping keeps. */
  LOGIN_MAX_FAILURES: integer(1, 1000).default(10),
  LOGIN_WINDOW_SECONDS: integer(1, 86_400).default(900),
  LOGIN_LOCK_SECONDS: integer(1, 86_400).default(900),
  SV_ADMIN_EMAIL: z.email({ error: 'must be an email address' }),
  ADMIN_PASSWORD: password,
  LOAD_API_KEY: secret,

  // Rate limits, in requests a minute. None can be switched off, as nothing should be without a limit; the greatest
  // value is as good as none.
  RATE_LIMIT_PRINCIPAL_PER_MINUTE: integer(1, 10_000_000).default(600),
  RATE_LIMIT_ADDRESS_PER_MINUTE: integer(1, 10_000_000).default(120),
  /** Of an address, on the routes that check passwords or send mail. */
  RATE_LIMIT_SIGN_IN_PER_MINUTE: integer(1, 10_000_000).default(20),
  /** Of an address, on the webhooks of email providers: a thousand a second, as SNS sends each event by itself. */
  RATE_LIMIT_WEBHOOK_PER_MINUTE: integer(1, 10_000_000).default(60_000),
  /** Of the load tests' API key: above the 20,000 requests a second that `make load` can ask for. */
  LOAD_TEST_RATE_LIMIT_PER_MINUTE: integer(1, 10_000_000).default(2_000_000),

  // Email.
  EMAIL_PROVIDER: emailProvider.default('smtp'),
  /** Sends while the circuit of EMAIL_PROVIDER is open. */
  EMAIL_FALLBACK_PROVIDER: emailProvider.optional(),
  EMAIL_FROM: z.string().min(3, { error: 'must be an address such as "SV-SDK <noreply@example.org>"' }),
  EMAIL_CONCURRENCY: integer(1, 1000).default(5),
  /** How long a provider has for one email. A worker's claim on it lasts twice as long. */
  EMAIL_SEND_TIMEOUT_SECONDS: integer(1, 600).default(60),
  /** Whether an email that may have gone out (its worker died, the provider's answer was lost) is sent again. */
  EMAIL_RETRY_UNCERTAIN: boolean.default(true),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  SMTP_USER: z.string().optional(),
  SMTP_PASSWORD: z.string().optional(),
  AWS_REGION: z
    .string()
    .regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, { error: 'must be the name of a region, such as eu-central-1' })
    .optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  SES_CONFIGURATION_SET: z
    .string()
    .regex(/^[\w-]{1,64}$/, { error: 'must be the name of a configuration set' })
    .optional(),
  SES_ENDPOINT: url('https:', 'http:').optional(),
  BREVO_API_KEY: z.string().optional(),
  BREVO_API_URL: url('https:', 'http:').default('https://api.brevo.com'),
  SENDGRID_API_KEY: z.string().optional(),
  /** Subusers in the European Union: https://api.eu.sendgrid.com */
  SENDGRID_API_URL: url('https:', 'http:').default('https://api.sendgrid.com'),
  /** Emails a second of all workers together; 0: no limit of ours. SES: what an account has outside the sandbox. */
  EMAIL_RATE_PER_SECOND_SMTP: integer(0, 100_000).default(0),
  EMAIL_RATE_PER_SECOND_SES: integer(0, 100_000).default(14),
  EMAIL_RATE_PER_SECOND_BREVO: integer(0, 100_000).default(0),
  EMAIL_RATE_PER_SECOND_SENDGRID: integer(0, 100_000).default(0),
  /** Emails that one worker has in a provider's hands at a time; 0: as many as it sends at once. */
  EMAIL_CONCURRENCY_SMTP: integer(0, 1000).default(0),
  EMAIL_CONCURRENCY_SES: integer(0, 1000).default(0),
  EMAIL_CONCURRENCY_BREVO: integer(0, 1000).default(0),
  EMAIL_CONCURRENCY_SENDGRID: integer(0, 1000).default(0),
  /** For the statistics, in US dollars. */
  EMAIL_COST_PER_1000_SMTP: decimal.default(0),
  EMAIL_COST_PER_1000_SES: decimal.default(0.1),
  EMAIL_COST_PER_1000_BREVO: decimal.default(0),
  EMAIL_COST_PER_1000_SENDGRID: decimal.default(0),
  /** Of one email, together; nginx takes its limit for the route's bodies from it, too. */
  EMAIL_ATTACHMENTS_MAX_BYTES: integer(0, 10_485_760).default(2_097_152),
  /** How long the queue may have had an email before a worker looks whether it still has it, and then again. */
  EMAIL_SWEEP_AFTER_SECONDS: integer(1, 86_400).default(60),
  /** How long emails that have an end are kept, with their attempts and events; 0: for ever. */
  EMAIL_RETENTION_DAYS: integer(0, 36_500).default(90),
  /** Whether the board at /admin/queues only shows, also to those who may change queues. */
  QUEUE_BOARD_READ_ONLY: boolean.default(true),

  // Webhooks of email providers: by what a request proves that it is theirs. Unset: that provider has none here.
  /** Whose messages are taken, and whose subscriptions are confirmed. */
  SES_SNS_TOPIC_ARNS: list
    .refine((arns) => arns.every((arn) => SNS_TOPIC_ARN.test(arn)), {
      error: 'must be ARNs such as arn:aws:sns:eu-west-1:123456789012:ses-events, separated by commas',
    })
    .default([]),
  SENDGRID_WEBHOOK_PUBLIC_KEY: z
    .string()
    .refine(isEcPublicKey, { error: "must be the verification key of SendGrid's Event Webhook, in base64" })
    .optional(),
  BREVO_WEBHOOK_TOKEN: keyRing.optional(),

  // Audit.
  /** Whole months that audit rows are kept; 0: for ever. */
  AUDIT_RETENTION_MONTHS: integer(0, 1200).default(24),

  // The command line: where `sdk health` reaches the platform, and where `sdk db backup` puts its dumps.
  PLATFORM_URL: url('http:', 'https:').default('http://nginx:8080'),
  BACKUP_DIR: z.string().default('backups'),
  COMPRESS_BACKUP: boolean.default(true),

  // Backups of the bundled Postgres by pgBackRest (infra/postgres/backup-*.sh). The processes only check them.
  BACKUP_REPOSITORY: z
    .enum(['volume', 's3', 'off'], { error: 'must be volume, s3 or off' })
    .default('volume'),
  BACKUP_ENCRYPTION_KEY: keyRing.optional(),
  BACKUP_FULL_DAYS: integer(1, 365).default(7),
  BACKUP_INCREMENTAL_HOURS: integer(1, 168).default(24),
  /** How far back a moment can be restored. */
  BACKUP_RETENTION_DAYS: integer(1, 3650).default(14),
  /** WAL that may wait to be archived; past it WAL is dropped rather than the disk filled. */
  BACKUP_WAL_QUEUE_MAX: z
    .string()
    .regex(/^[1-9]\d{0,5}(?:MiB|GiB)$/, { error: 'must be a size such as 512MiB or 4GiB' })
    .default('4GiB'),
  BACKUP_S3_ENDPOINT: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(?::\d{1,5})?$/, { error: 'must be a host, or host:port, without https://' })
    .optional(),
  BACKUP_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: 'must be the name of a bucket' })
    .optional(),
  BACKUP_S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, { error: 'must be the name of a region, such as eu-central-1' })
    .optional(),
  BACKUP_S3_PREFIX: z
    .string()
    .regex(/^(?:\/[\w.-]+)+$/, { error: 'must be a path that starts with /' })
    .default('/sv'),
  BACKUP_S3_KEY_ID: z.string().optional(),
  BACKUP_S3_SECRET: z.string().optional(),
  /** Where `sdk db status` finds what the primary's node says of them. */
  BACKUP_STATUS_PATH: z.string().default('/var/lib/sv-backup-status/status.json'),
  BACKUP_S3_URI_STYLE: z.enum(['host', 'path'], { error: 'must be host or path' }).default('host'),

  /**
   * By `production` each process refuses what must not be there (production-rules.ts). `sdk dev …`, which makes users with
   * printed passwords and wipes data, runs only by `development`: whatever else, or nothing, counts as production there.
   */
  SV_ENV: z.enum(['production', 'development'], { error: 'must be production or development' }).optional(),

  // A machine that the world reaches (docker-compose.prod.yml). Of nginx and of acme; the processes only check them.
  DOMAIN: z
    .string()
    .regex(/^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/, {
      error: 'must be a host name in lower case, such as api.example.org',
    })
    .optional(),
  ACME_EMAIL: z.email({ error: 'must be an email address' }).optional(),
  ACME_SERVER: url('https:').optional(),
  /** Ranges of a CDN's or another balancer's addresses: what they say of a client's address is believed. */
  TRUSTED_PROXIES: list
    .pipe(
      z.array(
        z
          .union([z.cidrv4(), z.cidrv6()], {
            error: 'must be ranges of addresses such as 192.0.2.0/24,2001:db8::/32, separated by commas',
          })
          .refine((range) => !range.endsWith('/0'), {
            error: 'must not be everybody (/0): a client could claim any address',
          }),
      ),
    )
    .default([]),
  /** Whether the world reaches them, behind a login. */
  OPERATORS_PAGES: z.enum(['on', 'off'], { error: 'must be on or off' }).default('off'),
  /** Of secrets/, as `ls` shows it: `rwx------`. Of the host, where no container can look. */
  SECRETS_FOLDER_MODE: z
    .string()
    .regex(/^(?:[r-][w-][xsStT-]){3}$/, { error: 'must be a mode such as rwx------' })
    .optional(),
  // Of servers and of Grafana, which read them by themselves; only looked at.
  POSTGRES_PASSWORD: password.optional(),
  DB_PGBOUNCER_PASSWORD: password.optional(),
  DB_REPLICATION_PASSWORD: password.optional(),
  GRAFANA_ADMIN_PASSWORD: password.optional(),

  // Scaling: what the autoscaler acts by, and `sdk advise` tells. Thresholds and limits are the scaling guide's; where it
  // gives none, the comment says why.
  PROMETHEUS_URL: url('http:', 'https:').default('http://prometheus:9090'),
  AUTOSCALE_DRY_RUN: boolean.default(false),
  AUTOSCALE_INTERVAL_SECONDS: integer(1, 300).default(15),
  AUTOSCALE_APP_MIN: integer(1, 1000).default(3),
  AUTOSCALE_APP_MAX: integer(1, 1000).default(20),
  AUTOSCALE_APP_CPU_UP_PERCENT: integer(1, 100).default(70),
  AUTOSCALE_APP_CPU_DOWN_PERCENT: integer(1, 100).default(30),
  AUTOSCALE_APP_RESPONSE_UP_MS: integer(1, 60_000).default(500),
  AUTOSCALE_APP_RESPONSE_DOWN_MS: integer(1, 60_000).default(200),
  AUTOSCALE_APP_UP_SECONDS: integer(10, 3600).default(300),
  AUTOSCALE_APP_DOWN_SECONDS: integer(10, 7200).default(600),
  /** At the most, and in proportion to the CPU: 70 % becomes 47 % by two more of four. */
  AUTOSCALE_APP_UP_STEP: integer(1, 100).default(2),
  /** A minute until the averages speak of the new instances alone, and two to see what they say. */
  AUTOSCALE_APP_UP_COOLDOWN_SECONDS: integer(10, 7200).default(180),
  AUTOSCALE_APP_DOWN_COOLDOWN_SECONDS: integer(10, 7200).default(600),
  AUTOSCALE_WORKER_MIN: integer(1, 1000).default(2),
  AUTOSCALE_WORKER_MAX: integer(1, 1000).default(50),
  AUTOSCALE_WORKER_DEPTH_UP: integer(1, 1_000_000).default(1000),
  AUTOSCALE_WORKER_DEPTH_DOWN: integer(1, 1_000_000).default(100),
  AUTOSCALE_WORKER_WAIT_UP_SECONDS: integer(1, 86_400).default(60),
  /** Of EMAIL_CONCURRENCY, had one worker fewer the same to do: it keeps what a step down would undo. */
  AUTOSCALE_WORKER_BUSY_MAX_PERCENT: integer(1, 100).default(80),
  /** A minute, as the alert: a newsletter that two workers send within it calls for no third. */
  AUTOSCALE_WORKER_UP_SECONDS: integer(10, 3600).default(60),
  AUTOSCALE_WORKER_DOWN_SECONDS: integer(10, 7200).default(300),
  AUTOSCALE_WORKER_UP_STEP: integer(1, 100).default(5),
  AUTOSCALE_WORKER_UP_COOLDOWN_SECONDS: integer(10, 7200).default(90),
  AUTOSCALE_WORKER_DOWN_COOLDOWN_SECONDS: integer(10, 7200).default(300),
  /** Ceilings: none is added where the host, or PgBouncer, is as full as this, or would be with one more. */
  AUTOSCALE_HOST_CPU_MAX_PERCENT: integer(1, 100).default(90),
  AUTOSCALE_HOST_MEMORY_MAX_PERCENT: integer(1, 100).default(85),
  AUTOSCALE_POOL_MAX_PERCENT: integer(1, 100).default(80),
  /** The engine, and the Compose project in it whose services are scaled. */
  DOCKER_SOCKET: z
    .string()
    .startsWith('/', { error: 'must be the path of a socket' })
    .default('/var/run/docker.sock'),
  COMPOSE_PROJECT_NAME: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]*$/, { error: 'must be the name of a Compose project, such as sv-sdk' })
    .default('sv-sdk'),

  // ready-dns.
  READY_DNS_PORT: integer(1, 65535).default(5353),
  READY_DNS_SERVICE: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i, { error: 'must be the name of a service, such as app' })
    .default('app'),
  READY_DNS_PROBE_PORT: integer(1, 65535).default(3000),
  // Docker's own DNS server, in every container.
  READY_DNS_UPSTREAM: z
    .string()
    .regex(/^\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?$/, { error: 'must be an IPv4 address, or address:port' })
    .default('127.0.0.11'),

  // nginx-log-exporter.
  NGINX_LOG_PORT: integer(1, 65535).default(5514),
  /** Where nginx serves by TLS; absent: it doesn't. */
  NGINX_TLS_ADDRESS: z
    .string()
    .regex(/^[a-z0-9.-]+:\d{1,5}$/, { error: 'must be a host and a port, such as nginx:8443' })
    .optional(),
} as const satisfies Record<string, z.ZodType>;

export type SettingName = keyof typeof settings;
export type Config<Names extends SettingName> = { readonly [N in Names]: z.output<(typeof settings)[N]> };

/** Names of SV-SDK that mean the same as one of ours; ours wins where both are set. */
export const aliases: Readonly<Partial<Record<SettingName, string>>> = { DB_POOL_MAX: 'DB_POOL_SIZE' };
