import { recordAudit } from '@sv-sdk/audit';
import { cacheKey } from '@sv-sdk/cache';
import { markStale, type Tx, transactOn } from '@sv-sdk/db';
import { openRedisClient, primariesOf } from '@sv-sdk/redis';
import type { Logger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import pg from 'pg';

/** A row of stale_cache_keys holds so many, so that the worker has them in pieces. */
const STALE_KEYS_PER_ROW = 1_000;
const CACHE_LIMIT_MS = 5_000;

/**
 * Empties every table of the four schemas, in one transaction, and the cache. What instances still hold in their
 * memory (who is signed in, what they may do) is marked stale, so that a wiped session opens nothing.
 */
export async function wipePlatform(options: {
  directUrl: string;
  cacheUrl: string;
  logger: Logger;
}): Promise<void> {
  const client = new pg.Client({ connectionString: options.directUrl });
  // The statement under way is rejected; without a listener the process would end before it could say so.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await transactOn(client, wipe, { logger: options.logger, onBroken: () => undefined });
  } finally {
    await client.end();
  }
  await wipeCache(options.cacheUrl);
}

async function wipe(tx: Tx): Promise<void> {
  // So that nobody signs in between the look at the sessions and their end.
  await tx.execute(sql`lock table auth.users, auth.sessions, auth.api_keys in access exclusive mode`);
  const stale = await keysInMemory(tx);
  const tables = await tx.execute<{ name: string }>(sql`
    select format('%I.%I', nspname, relname) as name
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('auth', 'permissions', 'email', 'audit') and relkind in ('r', 'p') and not relispartition`);
  await tx.execute(sql.raw(`truncate ${tables.rows.map(({ name }) => name).join(', ')} restart identity`));
  // The chain of audit rows begins anew.
  await tx.execute(sql`insert into audit.chain_head (sequence, hash) values (0, '')`);
  for (let start = 0; start < stale.length; start += STALE_KEYS_PER_ROW) {
    await markStale(tx, stale.slice(start, start + STALE_KEYS_PER_ROW));
  }
  await recordAudit(tx, {
    eventType: 'platform.reset',
    userId: null,
    ipAddress: null,
    metadata: { by: 'sdk dev reset' },
  });
}

/** Of what instances keep in their memory: live sessions and keys, the roles of their users, the roles. */
async function keysInMemory(tx: Tx): Promise<string[]> {
  const { rows } = await tx.execute<{
    kind: 'session' | 'apiKey' | 'permissions' | 'role';
    name: string;
  }>(sql`
    select 'session' as kind, token as name from auth.sessions where expires_at > now()
    union all select 'apiKey', hash from auth.api_keys where revoked_at is null
    union all select 'role', id from permissions.roles
    union all (select 'permissions', user_id from auth.sessions where expires_at > now()
               union select 'permissions', user_id from auth.api_keys where revoked_at is null)`);
  return rows.map(({ kind, name }) => cacheKey[kind](name));
}

/**
 * All of it: there may be a key for each of the wiped rows. Where a cluster has the queue, too, its jobs go along: their
 * emails are wiped.
 */
async function wipeCache(url: string): Promise<void> {
  const redis = openRedisClient(url, {
    lazyConnect: true,
    connectTimeout: CACHE_LIMIT_MS,
    retryDelayMs: () => null,
  });
  // It is told by connect() and flushdb(), which are waited for.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await Promise.all(primariesOf(redis).map((server) => server.flushdb()));
  } catch (error) {
    throw new Error('the rows were wiped, the cache was not; run the command again', { cause: error });
  } finally {
    redis.disconnect();
  }
}
