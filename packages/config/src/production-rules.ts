/**
 * What production (SV_ENV=production) refuses to start with: each of these would work, and harm people without anybody
 * noticing. A process checks what it reads; `sdk config check`, which `make up` asks first, reads all.
 */
import type { ConfigFault } from './load.ts';
import type { SettingRule, Settings } from './rules.ts';
import { isOfThisStack } from './servers.ts';
import type { SettingName } from './settings.ts';

const inProduction = (
  concerns: readonly SettingName[],
  check: (config: Settings) => readonly ConfigFault[],
): SettingRule => ({
  concerns: ['SV_ENV', ...concerns],
  check: (config) => (config.SV_ENV === 'production' ? [...check(config)] : []),
});

const fault = (name: SettingName, expected: string): ConfigFault => ({
  name,
  expected: `${expected} (SV_ENV=production)`,
});

/** A cookie that also goes over HTTP can be read, and used, by everybody on the way. */
const secureCookies = inProduction(['BETTER_AUTH_URL'], ({ BETTER_AUTH_URL: baseUrl }) =>
  baseUrl === undefined || new URL(baseUrl).protocol === 'https:'
    ? []
    : [fault('BETTER_AUTH_URL', 'must start with https://, or cookies are not Secure')],
);

/** Mails lead there with a token that opens an account. */
const secureLinks = inProduction(['AUTH_LINK_BASE_URL'], ({ AUTH_LINK_BASE_URL: linkBaseUrl }) =>
  linkBaseUrl === undefined || new URL(linkBaseUrl).protocol === 'https:'
    ? []
    : [fault('AUTH_LINK_BASE_URL', 'must start with https://, as its links hold tokens')],
);

/** Cookies and links are for the name that the certificate is for. */
const oneName = inProduction(
  ['BETTER_AUTH_URL', 'DOMAIN', 'ACME_EMAIL'],
  ({ BETTER_AUTH_URL: baseUrl, DOMAIN, ACME_EMAIL }) => {
    if (DOMAIN === undefined) return [];
    const faults: ConfigFault[] = [];
    if (baseUrl !== undefined && new URL(baseUrl).hostname !== DOMAIN)
      faults.push(fault('BETTER_AUTH_URL', 'must be an address of DOMAIN'));
    if (ACME_EMAIL === undefined)
      faults.push(fault('ACME_EMAIL', 'is missing; DOMAIN needs it, for its certificate'));
    return faults;
  },
);

/** A page of anybody's could call the API as whoever looks at it. */
const namedOrigins = inProduction(['CORS_ORIGIN'], ({ CORS_ORIGIN: origins = [] }) => {
  const isNamed = (origin: string) =>
    URL.canParse(origin) && new URL(origin).origin === origin && origin.startsWith('https://');
  return origins.every((origin) => isNamed(origin) && !origin.includes('*'))
    ? []
    : [fault('CORS_ORIGIN', 'must name each origin, such as https://app.example.org: no *, no http')];
});

/** At debug, lines hold what requests hold. */
const quietLogs = inProduction(['LOG_LEVEL'], ({ LOG_LEVEL }) =>
  LOG_LEVEL === 'debug' || LOG_LEVEL === 'trace'
    ? [fault('LOG_LEVEL', 'must be info, warn, error or fatal')]
    : [],
);

/** They keep what they are given. In a container its own loopback is nobody, either. */
const MAIL_CATCHERS = ['maildev', 'mailpit', 'mailhog', 'mailcatcher', 'localhost', '127.0.0.1', '[::1]'];

const realMail = inProduction(
  ['EMAIL_PROVIDER', 'EMAIL_FALLBACK_PROVIDER', 'SMTP_URL'],
  ({ EMAIL_PROVIDER, EMAIL_FALLBACK_PROVIDER, SMTP_URL }) => {
    const faults: ConfigFault[] = [];
    if (EMAIL_PROVIDER === 'mock') faults.push(fault('EMAIL_PROVIDER', 'must not be mock: nobody gets mail'));
    if (EMAIL_FALLBACK_PROVIDER === 'mock')
      faults.push(fault('EMAIL_FALLBACK_PROVIDER', 'must not be mock: nobody gets mail'));
    const usesSmtp = EMAIL_PROVIDER === 'smtp' || EMAIL_FALLBACK_PROVIDER === 'smtp';
    if (usesSmtp && SMTP_URL !== undefined && MAIL_CATCHERS.includes(new URL(SMTP_URL).hostname))
      faults.push(fault('SMTP_URL', 'must be a server that delivers, not a catcher for mail'));
    return faults;
  },
);

/** RFC 2606 and RFC 6761: names that are nobody's. */
const NOBODYS_DOMAIN = /(?:^|[@.])(?:example(?:\.(?:com|net|org))?|test|invalid|localhost|localdomain)>?$/i;

const realSender = inProduction(['EMAIL_FROM'], ({ EMAIL_FROM: from }) =>
  from !== undefined && NOBODYS_DOMAIN.test(from.trim())
    ? [fault('EMAIL_FROM', 'must be an address of your own domain')]
    : [],
);

/** Every secret that somebody could guess; not those of others (providers), who choose them. */
const SECRETS = [
  'ADMIN_PASSWORD',
  'BACKUP_ENCRYPTION_KEY',
  'BETTER_AUTH_SECRET',
  'BREVO_WEBHOOK_TOKEN',
  'DB_MONITOR_PASSWORD',
  'DB_OWNER_PASSWORD',
  'DB_PASSWORD',
  'DB_PGBOUNCER_PASSWORD',
  'DB_REPLICATION_PASSWORD',
  'ENCRYPTION_KEY',
  'GRAFANA_ADMIN_PASSWORD',
  'LOAD_API_KEY',
  'PGBOUNCER_CONSOLE_PASSWORD',
  'POSTGRES_PASSWORD',
  'REDIS_PASSWORD',
  'REDIS_QUEUE_PASSWORD',
] as const satisfies readonly SettingName[];

/** What `make up` makes has 27 characters or more. */
const MIN_LENGTH = 16;
const MIN_DIFFERENT = 8;
const KNOWN = /password|passw0rd|secret|change.?me|default|admin|qwert|letmein|1234567/i;

/**
 * Rings whose older keys open nothing but what was encrypted or sealed under them before, to somebody who has the database
 * or the backups. Refusing them makes that no safer, and they have to stay while it is to be read (ADR 0050).
 */
const OLDER_KEYS_ONLY_READ: readonly SettingName[] = ['BACKUP_ENCRYPTION_KEY', 'ENCRYPTION_KEY'];

/** What a secret consists of: of a ring each key, as the older ones are still taken for proof by the API. */
const keysOf = (name: SettingName, value: string | readonly string[] = []) => {
  const keys = typeof value === 'string' ? [value] : value;
  return keys.map((key, index) => ({
    name,
    key,
    isJudged: index === 0 || !OLDER_KEYS_ONLY_READ.includes(name),
    where: keys.length === 1 ? '' : `its line ${index + 1} `,
    remedy: index === 0 ? '' : `; make rotate SECRET=${name.toLowerCase()} FORGET=1 takes it out`,
  }));
};

/** Only `sdk config check` reads all of them. */
const strongSecrets = inProduction(SECRETS, (config) => {
  const all = SECRETS.flatMap((name) => keysOf(name, config[name]));
  const holders = Map.groupBy(all, ({ key }) => key);
  const wrongWith = ({ name, key }: (typeof all)[number]) => {
    if (key.length < MIN_LENGTH) return `must have at least ${MIN_LENGTH} characters`;
    if (new Set(key).size < MIN_DIFFERENT || KNOWN.test(key)) return 'must be generated, not made up';
    const others = new Set(holders.get(key)?.map((holder) => holder.name));
    others.delete(name);
    return others.size > 0 ? `must be another than ${[...others].join(', ')}` : undefined;
  };
  return all
    .filter(({ isJudged }) => isJudged)
    .flatMap((one) => {
      const wrong = wrongWith(one);
      return wrong === undefined ? [] : [fault(one.name, one.where + wrong + one.remedy)];
    });
});

/** Of what runs here; a server elsewhere may have none, or others. */
const NEEDED_HERE = {
  DATABASE_DIRECT_URL: ['POSTGRES_PASSWORD', 'DB_REPLICATION_PASSWORD', 'DB_MONITOR_PASSWORD'],
  DATABASE_URL: ['DB_PGBOUNCER_PASSWORD', 'PGBOUNCER_CONSOLE_PASSWORD'],
  REDIS_URL: ['REDIS_PASSWORD'],
  REDIS_QUEUE_URL: ['REDIS_QUEUE_PASSWORD'],
} as const satisfies Partial<Record<SettingName, readonly SettingName[]>>;
const SERVER_URLS = ['DATABASE_DIRECT_URL', 'DATABASE_URL', 'REDIS_URL', 'REDIS_QUEUE_URL'] as const;

const noSecretMissing = inProduction([...SERVER_URLS, ...Object.values(NEEDED_HERE).flat()], (config) =>
  SERVER_URLS.flatMap((server) => {
    const url = config[server];
    if (url === undefined || !isOfThisStack(url)) return [];
    return NEEDED_HERE[server]
      .filter((name) => config[name] === undefined)
      .map((name) => fault(name, 'is missing; `make up` makes it'));
  }),
);

/** The files in it can be read by all, as containers have users of their own: the folder keeps people out. */
const closedSecrets = inProduction(['SECRETS_FOLDER_MODE'], ({ SECRETS_FOLDER_MODE: mode }) =>
  mode === undefined || mode.endsWith('---')
    ? []
    : [
        fault(
          'SECRETS_FOLDER_MODE',
          'secrets/ can be entered by every user of the host: chmod 700 it, and change what they may have read',
        ),
      ],
);

export const productionRules: readonly SettingRule[] = [
  secureCookies,
  secureLinks,
  oneName,
  namedOrigins,
  quietLogs,
  realMail,
  realSender,
  strongSecrets,
  noSecretMissing,
  closedSecrets,
];
