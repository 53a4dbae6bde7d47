/** What the URLs of servers must hold together, as Compose leaves bundled ones out by them (infra/compose/elsewhere.yml). */
import { parseRedisUrl } from '@sv-sdk/redis/url';
import type { ConfigFault } from './load.ts';
import type { SettingRule, Settings } from './rules.ts';
import { addressOf, isBundled, type ServerUrlName, usesTls } from './servers.ts';

const POSTGRES = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_REPLICA_URL',
  'DATABASE_REPLICA_DIRECT_URL',
] as const satisfies readonly ServerUrlName[];
const REDIS = ['REDIS_URL', 'REDIS_QUEUE_URL'] as const satisfies readonly ServerUrlName[];

/** Only `sdk config check` reads all of these: what is in .env, besides what processes are given. */
export const serverRule: SettingRule = {
  concerns: [...POSTGRES, ...REDIS, 'DATABASE_CA_FILE', 'REDIS_CA_FILE', 'SERVERS_SET'],
  check: (config) => [
    ...bundledByName(config),
    ...undecidedTls(config),
    ...replica(config),
    ...unusedAuthorities(config),
    ...oneRedis(config),
  ],
};

/** Of a setting that names one server, or several, or none. */
const urlsOf = (config: Settings, name: ServerUrlName): readonly string[] => [config[name] ?? []].flat();

const isSet = (config: Settings, name: ServerUrlName) => config.SERVERS_SET?.includes(name) ?? false;

function bundledByName(config: Settings): ConfigFault[] {
  return [...POSTGRES, ...REDIS]
    .filter((name) => isSet(config, name) && urlsOf(config, name).some(isBundled))
    .map((name) => ({
      name,
      expected:
        'names a server of this stack, which is left out as soon as this is set: leave it blank, or name one elsewhere',
    }));
}

function undecidedTls(config: Settings): ConfigFault[] {
  return POSTGRES.filter((name) => {
    const isDecided = (url: string) => isBundled(url) || new URL(url).searchParams.has('sslmode');
    if (urlsOf(config, name).every(isDecided)) return false;
    // Compose may have handed DATABASE_URL on as this one: said once is enough.
    return name !== 'DATABASE_DIRECT_URL' || isSet(config, name);
  }).map((name) => ({
    name,
    expected: 'must say sslmode=verify-full, or sslmode=disable for a network that nobody else is on',
  }));
}

function replica(config: Settings): ConfigFault[] {
  const { DATABASE_REPLICA_DIRECT_URL: directUrl, DATABASE_DIRECT_URL } = config;
  const faults: ConfigFault[] = [];
  const isPrimaryElsewhere = isSet(config, 'DATABASE_URL') || isSet(config, 'DATABASE_DIRECT_URL');
  if (!isPrimaryElsewhere) {
    for (const name of ['DATABASE_REPLICA_URL', 'DATABASE_REPLICA_DIRECT_URL'] as const) {
      if (!urlsOf(config, name).every(isBundled)) {
        faults.push({ name, expected: 'is elsewhere, and its primary is not: set DATABASE_DIRECT_URL, too' });
      }
    }
    return faults;
  }
  if (isSet(config, 'DATABASE_URL') && directUrl !== undefined) {
    faults.push({
      name: 'DATABASE_REPLICA_DIRECT_URL',
      expected:
        'is for the bundled PgBouncer, which DATABASE_URL leaves out: use DATABASE_REPLICA_URL instead',
    });
  }
  if (urlsOf(config, 'DATABASE_REPLICA_URL').some(isBundled) && directUrl === undefined) {
    faults.push({
      name: 'DATABASE_REPLICA_URL',
      expected:
        'names a server of this stack, and Postgres is elsewhere: name its replica, or leave it blank',
    });
  }
  if (
    directUrl !== undefined &&
    DATABASE_DIRECT_URL !== undefined &&
    usesTls(directUrl) !== usesTls(DATABASE_DIRECT_URL)
  ) {
    faults.push({
      name: 'DATABASE_REPLICA_DIRECT_URL',
      expected:
        'must say the same sslmode as DATABASE_DIRECT_URL: PgBouncer knows one for all of its servers',
    });
  }
  return faults;
}

/** Somebody who fills in a CA believes that it is used. */
function unusedAuthorities(config: Settings): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const isAnyTls = (names: readonly ServerUrlName[]) =>
    names.some((name) => urlsOf(config, name).some(usesTls));
  if (config.DATABASE_CA_FILE !== undefined && !isAnyTls(POSTGRES)) {
    faults.push({
      name: 'DATABASE_CA_FILE',
      expected:
        'has a CA (secrets/database_ca), and no URL of Postgres says sslmode=verify-full: say it, or empty the file',
    });
  }
  if (config.REDIS_CA_FILE !== undefined && !isAnyTls(REDIS)) {
    faults.push({
      name: 'REDIS_CA_FILE',
      expected:
        'has a CA (secrets/redis_ca), and no URL of Redis begins with rediss://: say it, or empty the file',
    });
  }
  return faults;
}

function oneRedis(config: Settings): ConfigFault[] {
  const { REDIS_URL, REDIS_QUEUE_URL } = config;
  if (REDIS_URL === undefined || REDIS_QUEUE_URL === undefined) return [];
  if (addressOf(REDIS_URL) !== addressOf(REDIS_QUEUE_URL)) return [];
  // It evicts nothing, for the queue's sake, and what the cache keeps in it ends by itself (docs/operations/redis.md).
  if (parseRedisUrl(REDIS_QUEUE_URL)?.isCluster) return [];
  return [
    {
      name: 'REDIS_QUEUE_URL',
      expected:
        'must be another server than REDIS_URL, whatever the database: a cache evicts, a queue must not',
    },
  ];
}
