/** Whether the servers that are elsewhere answer, and take us; each that doesn't is a fault of its setting. */
import {
  addressOf,
  type Config,
  type ConfigFault,
  isOfThisStack,
  type ServerUrlName,
  type SettingName,
  withPassword,
} from '@sv-sdk/config';
import { withClient } from '@sv-sdk/db';
import { assertQueuePolicy, QueuePolicyError } from '@sv-sdk/queue';
import { openRedisClient, type RedisClient } from '@sv-sdk/redis';
import pg from 'pg';

const ANSWER_LIMIT_MS = 10_000;

export type ServerConfig = Config<SettingName>;

interface Check {
  readonly name: ServerUrlName;
  readonly url: string;
  /** Rejects with what is wrong. */
  run(): Promise<void>;
}

/** Which settings name a server elsewhere: what is bundled need not run yet when this is asked. */
export function serversElsewhere(config: ServerConfig): { name: ServerUrlName; url: string }[] {
  const names = [
    'DATABASE_DIRECT_URL',
    'DATABASE_URL',
    'DATABASE_REPLICA_DIRECT_URL',
    'DATABASE_REPLICA_URL',
    'REDIS_URL',
    'REDIS_QUEUE_URL',
  ] as const;
  return names.flatMap((name) => {
    const urls = [config[name] ?? []].flat();
    return urls.filter((url) => !isOfThisStack(url)).map((url) => ({ name, url }));
  });
}

/** All faults of all of them at once. */
export async function checkServers(config: ServerConfig): Promise<ConfigFault[]> {
  const checks = serversElsewhere(config).map(
    (server): Check => ({
      ...server,
      run: () => checkOf[server.name](server.url, config),
    }),
  );
  const faults = await Promise.all(
    checks.map(async ({ name, url, run }) => {
      try {
        await run();
        return [];
      } catch (error) {
        return [{ name, expected: describe(name, url, error) }];
      }
    }),
  );
  return faults.flat();
}

const checkOf: Readonly<Record<ServerUrlName, (url: string, config: ServerConfig) => Promise<void>>> = {
  DATABASE_DIRECT_URL: (url, config) => askPostgres(withPassword(url, config.DB_OWNER_PASSWORD)),
  DATABASE_URL: (url, config) => askPostgres(withPassword(url, config.DB_PASSWORD)),
  DATABASE_REPLICA_DIRECT_URL: (url, config) => askReplica(withPassword(url, config.DB_PASSWORD)),
  DATABASE_REPLICA_URL: (url, config) => askReplica(withPassword(url, config.DB_PASSWORD)),
  REDIS_URL: (url, config) => askRedis(withPassword(url, config.REDIS_PASSWORD), (redis) => redis.ping()),
  REDIS_QUEUE_URL: (url, config) =>
    askRedis(withPassword(url, config.REDIS_QUEUE_PASSWORD), (redis) => assertQueuePolicy(redis)),
};

/** An error of such a server as one that names the setting and says what is to be done. */
export function explainServerError(name: ServerUrlName, url: string, error: unknown): Error {
  return new Error(`${name}: ${describe(name, url, error)}`);
}

async function askPostgres(url: string): Promise<void> {
  await withClient(url, (client) => client.query('select 1'));
}

async function askReplica(url: string): Promise<void> {
  const isReplica = await withClient(url, async (client) => {
    const { rows } = await client.query<{ position: string | null }>(
      'select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text end as position',
    );
    return typeof rows[0]?.position === 'string';
  });
  if (!isReplica) throw new Error('is no streaming replica (pg_last_wal_replay_lsn() says nothing)');
}

async function askRedis(url: string, question: (redis: RedisClient) => Promise<unknown>): Promise<void> {
  const redis = openRedisClient(url, {
    lazyConnect: true,
    connectTimeout: ANSWER_LIMIT_MS,
    commandTimeout: ANSWER_LIMIT_MS,
    retryDelayMs: () => null,
  });
  // connect() only says that the connection is closed; why is in the event before that.
  let reason: unknown;
  redis.on('error', (error) => {
    reason ??= error;
  });
  try {
    await redis.connect();
    await question(redis);
  } catch (error) {
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** What went wrong, and what to do, for a person who has just put the setting in. Never the password. */
function describe(name: ServerUrlName, url: string, error: unknown): string {
  const address = addressOf(url);
  const { code, message } = problemOf(error);
  if (UNTRUSTED.has(code)) {
    const file = name.startsWith('REDIS') ? 'secrets/redis_ca' : 'secrets/database_ca';
    return `${address} has a certificate of a CA that is not trusted (${message}): put the CA's certificate into ${file}`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${address} has a certificate for another host name (${message})`;
  }
  if (code === '28P01' || code === '28000' || code === '3D000') {
    return `${address} refuses us (${message}): is it prepared? make sdk ARGS="db prepare --admin NAME"`;
  }
  if (error instanceof pg.DatabaseError || error instanceof QueuePolicyError) return `${address}: ${message}`;
  if (/WRONGPASS|NOAUTH|NOPERM/.test(message)) {
    const file = name === 'REDIS_URL' ? 'secrets/redis_password' : 'secrets/redis_queue_password';
    return `${address} refuses us (${message}): put its password into ${file}`;
  }
  return `${address} can't be reached, or is not that kind of server (${message})`;
}

function problemOf(error: unknown): { code: string; message: string } {
  // A refused connection to several addresses is one error without a text of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return problemOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  return { code: 'code' in error ? String(error.code) : '', message: error.message };
}
