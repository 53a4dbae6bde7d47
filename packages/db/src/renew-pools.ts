import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import type pg from 'pg';
import { withClient } from './client.ts';

/** Longer than a replica is behind that is read at all (database.ts); a migration's end doesn't hang on it for ever. */
const REPLAY_LIMIT_MS = 15_000;
/** Longer than any transaction of the app (transaction_timeout), which keeps its connection. */
const RENEWAL_LIMIT_MS = 25_000;
const ASK_INTERVAL_MS = 50;
/** Nobody listens there, or nobody has that name: PgBouncer doesn't run (yet). */
const NOT_RUNNING = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/**
 * Has PgBouncer replace every connection to the servers, each when nobody uses it, so that no statement that was
 * prepared before a migration is met after it. Postgres refuses such a one for ever once the type of its result has
 * changed ("cached plan must not change result type"), and PgBouncer keeps it prepared, for all clients, until its
 * server_lifetime, an hour. No transaction is cut, no client is disconnected and none is turned away.
 *
 * Not by RECONNECT: that also breaks off the connections that are just being opened, which PgBouncer (1.26) takes for
 * a failed login, and if it has no other it turns every client away until server_login_retry ("server login has been
 * failing, cached error: connect string changed"). Instead their lifetime is a second for as long as it takes.
 *
 * On a replica the old statements are right until it has replayed the migration (`position`), so that is waited
 * for. What goes wrong is only logged: the schema is migrated, and the apps answer 503 to what meets an old
 * statement, or read on the primary. Answers whether all was done.
 */
export async function renewPools(options: {
  /** PgBouncer's console, as one of its admin_users. */
  consoleUrl: string;
  /** The servers, through PgBouncer. */
  primaryUrl: string;
  replicaUrls: readonly string[];
  position: string;
  logger: Logger;
}): Promise<boolean> {
  const { logger } = options;
  try {
    return await withClient(options.consoleUrl, async (console) => {
      const isDone = await renew(console, options);
      if (!isDone) logger.warn('not all of PgBouncer’s connections are new: old statements may be refused');
      return isDone;
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOT_RUNNING.has(String(error.code))) {
      logger.info('PgBouncer is not running: it has no connection that would have to be replaced');
      return true;
    }
    logger.warn({ err: error }, 'PgBouncer’s connections could not be replaced');
    return false;
  }
}

async function renew(
  console: pg.Client,
  options: { primaryUrl: string; replicaUrls: readonly string[]; position: string },
): Promise<boolean> {
  await console.query('SET server_lifetime = 1');
  try {
    const results = await Promise.all([
      untilReplaced(console, options.primaryUrl),
      ...options.replicaUrls.map(async (url) => {
        const isThere = await hasReplayed(url, options.position);
        return (await untilReplaced(console, url)) && isThere;
      }),
    ]);
    return results.every((isDone) => isDone);
  } finally {
    // What stands in its file holds again; a run that was killed before this is put right by the next.
    await console.query('RELOAD');
  }
}

/** Waits until none of the connections that a database of PgBouncer has now is left. */
async function untilReplaced(console: pg.Client, pooledUrl: string): Promise<boolean> {
  const database = decodeURIComponent(new URL(pooledUrl).pathname.slice(1));
  const connections = async () => {
    const { rows } = await console.query<Record<string, unknown>>('SHOW SERVERS');
    return rows
      .filter((server) => server['database'] === database)
      .map((server) => `${server['ptr']} ${server['connect_time']} ${server['remote_pid']}`);
  };
  const old = new Set(await connections());
  return await within(RENEWAL_LIMIT_MS, async () => (await connections()).every((one) => !old.has(one)));
}

async function hasReplayed(replicaUrl: string, position: string): Promise<boolean> {
  return await withClient(replicaUrl, (replica) =>
    within(REPLAY_LIMIT_MS, async () => {
      // A primary replays nothing: what is behind this URL has the migration.
      const { rows } = await replica.query<{ is_there: boolean }>(
        'select coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, true) as is_there',
        [position],
      );
      return rows[0]?.is_there === true;
    }),
  );
}

/** Asks again and again; false if it isn't so within the limit. */
async function within(limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    if (await isSo()) return true;
    if (Date.now() > deadline) return false;
    await delay(ASK_INTERVAL_MS);
  }
}
