import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import type { Registry } from 'prom-client';
import { JoinedTransaction, Joining } from './joined-transaction.ts';
import { createDatabaseMetrics, type ReadReason } from './metrics.ts';
import { RECENT_WRITE_SECONDS, type RecentWrites, WriteMemory } from './recent-writes.ts';
import { ReplicaClient } from './replica-client.ts';
import { ReplicaMonitor } from './replica-monitor.ts';
import { staleKeysOf } from './stale-keys.ts';
import { type Db, type Tx, transact } from './transaction.ts';

export interface Database {
  /** Drizzle on the primary, for single statements and for what must be the truth (authentication). */
  write(): Db;
  /**
   * Drizzle on the replica if that has replayed this principal's last write, else on the primary; without a
   * principal, on any replica that isn't far behind. For single statements that only read. Never fails
   * because of the replica: a statement that fails there is run on the primary.
   */
  read(principalId?: string): Promise<Db>;
  /**
   * Runs `action` in a transaction on the primary: committed when it resolves, rolled back when it rejects.
   * With `principalId`, later `read(principalId)`s of any instance see what was written.
   *
   * Inside of `inOneTransaction` it is a savepoint of that transaction, and committed with it; with `separate`
   * it is a transaction of its own all the same. As that needs a second connection, use it before the first
   * other `withTx` or after the last: a pool whose every connection waits for another stands still.
   */
  withTx<T>(
    action: (tx: Tx) => Promise<T>,
    options?: { principalId?: string; separate?: boolean },
  ): Promise<T>;
  /**
   * Runs `action` so that every `withTx`, `write()` and `read()` in it, however deep, is part of one
   * transaction. That begins at the first `withTx` (what comes before needs no connection while it hashes a
   * password), with `onBegin` as the first thing in it; it is committed when `action` resolves and rolled back
   * when it rejects. If it can't begin, or `onBegin` rejects, every `withTx` in `action` rejects with that error.
   */
  inOneTransaction<T>(action: () => Promise<T>, options: { onBegin: (tx: Tx) => Promise<void> }): Promise<T>;
  /**
   * Whether the transaction of `inOneTransaction` that we are in has begun. What is read then may never be
   * committed, and so must not be kept in a cache.
   */
  isInOpenTransaction(): boolean;
  /** How many callers of this process wait for a connection to the primary. No I/O. */
  waitingForPrimary(): number;
  /** Whether the primary answers a query within two seconds. */
  ping(): Promise<boolean>;
  /** Waits for what is running, then closes all connections. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  primaryUrl: string;
  /** Undefined: there is no replica, all reads go to the primary. */
  replicaUrl?: string | undefined;
  /** Connections that stay open when idle, per pool. */
  poolMin: number;
  poolMax: number;
  logger: Logger;
  registry: Registry;
  /** Shares writes with other instances. Without it only this process' own writes are seen by its reads. */
  recentWrites?: RecentWrites | undefined;
  /** Told after a commit which keys of the cache it made wrong (`markStale`). What it throws is only logged. */
  onStaleKeys?: ((keys: string[]) => Promise<void>) | undefined;
  /** From here on a replica is not read. Below the 30 s for which writes are remembered. */
  replicaMaxLagSeconds?: number;
}

const REPLICA_MAX_LAG_SECONDS = RECENT_WRITE_SECONDS / 3;
/** How long a caller waits for a connection, new or lent to others (pg.Pool: for ever). */
const PRIMARY_WAIT_MS = 5_000;
/** Shorter, as the primary can take the read. */
const REPLICA_WAIT_MS = 1_000;
const IDLE_TIMEOUT_MS = 30_000;
/** Connections are renewed, so that they spread again over PgBouncers and servers that have come since. */
const MAX_LIFETIME_SECONDS = 1_800;
const PING_LIMIT_MS = 2_000;

/** Opens no connection by itself but the monitor's of the replica, so a start doesn't fail on a database that is away. */
export function createDatabase(options: DatabaseOptions): Database {
  const { logger } = options;
  const primary = createPool(options.primaryUrl, 'primary', PRIMARY_WAIT_MS, options);
  const replica =
    options.replicaUrl === undefined
      ? undefined
      : createPool(options.replicaUrl, 'replica', REPLICA_WAIT_MS, options);
  const metrics = createDatabaseMetrics(
    options.registry,
    replica === undefined ? { primary } : { primary, replica },
  );
  const memory = new WriteMemory(options.recentWrites, logger);

  const joining = new Joining();
  const joiningPool = joining.poolOver(primary);
  // Drizzle asks a pool for nothing but query(), except in transaction().
  const onPrimary = drizzle(joiningPool as pg.Pool);
  // Libraries that are given this (better-auth's adapter) call transaction(); drizzle's own leaks, see transact().
  onPrimary.transaction = async (action, config) => {
    if (joining.joined === undefined) return (await transact(primary, action, { logger, config })).value;
    if (config !== undefined) throw new Error('who joins a transaction cannot choose its isolation');
    return joining.inSavepoint(action);
  };

  /** The transaction is committed: a failure here must not look as if it were not. The worker publishes again. */
  const publishStaleKeys = async (keys: string[]) => {
    try {
      await options.onStaleKeys?.(keys);
    } catch (error) {
      logger.warn({ err: error }, 'stale keys of the cache could not be published');
    }
  };

  const isAnyRemembered = replica !== undefined || options.recentWrites !== undefined;

  /** What is to be done after a commit, before the caller hears of it. */
  const afterCommit = async (done: {
    principalIds: Iterable<string>;
    position?: string;
    staleKeys: string[];
  }) => {
    const { position } = done;
    if (position !== undefined) {
      await Promise.all([...done.principalIds].map((principalId) => memory.remember(principalId, position)));
    }
    if (done.staleKeys.length > 0) await publishStaleKeys(done.staleKeys);
  };

  /** A transaction on a connection of its own. */
  const alone = async <T>(action: (tx: Tx) => Promise<T>, principalId: string | undefined): Promise<T> => {
    let staleKeys: string[] = [];
    const { value, ...committed } = await transact(
      primary,
      async (tx) => {
        const result = await action(tx);
        staleKeys = staleKeysOf(tx);
        return result;
      },
      { logger, wantPosition: principalId !== undefined && isAnyRemembered },
    );
    await afterCommit({
      ...committed,
      principalIds: principalId === undefined ? [] : [principalId],
      staleKeys,
    });
    return value;
  };

  const route =
    replica &&
    createReplicaRoute({ ...options, primary, joiningPool, replica, memory, fallbacks: metrics.fallbacks });

  const isInOpenTransaction = () => joining.joined?.hasBegun ?? false;
  const choose = async (principalId: string | undefined): Promise<ReadChoice> => {
    if (route === undefined) return toPrimary('none');
    // The replica can't have what isn't committed.
    return isInOpenTransaction() ? toPrimary('recent_write') : route.choose(principalId);
  };

  return {
    write: () => onPrimary,

    isInOpenTransaction,

    async read(principalId) {
      const choice = await choose(principalId);
      metrics.reads.inc(choice);
      return choice.target === 'replica' && route !== undefined ? route.db : onPrimary;
    },

    async withTx(action, { principalId, separate = false } = {}) {
      const { joined } = joining;
      if (separate) return joining.apart(() => alone(action, principalId));
      if (joined === undefined) return alone(action, principalId);
      const value = await joining.inSavepoint(action);
      if (principalId !== undefined) joined.principalIds.add(principalId);
      return value;
    },

    async inOneTransaction(action, { onBegin }) {
      let staleKeys: string[] = [];
      const joined = new JoinedTransaction(
        (work) =>
          transact(
            primary,
            async (tx, client) => {
              await work(tx, client);
              staleKeys = staleKeysOf(tx);
            },
            { logger, wantPosition: isAnyRemembered },
          ),
        onBegin,
      );
      let value: Awaited<ReturnType<typeof action>>;
      try {
        value = await joining.run(joined, action);
      } catch (error) {
        await joined.rollback(error);
        throw error;
      }
      const committed = await joined.commit();
      await afterCommit({ ...committed, principalIds: joined.principalIds, staleKeys });
      return value;
    },

    waitingForPrimary: () => primary.waitingCount,

    async ping() {
      const timer = new AbortController();
      const answer = primary.query('select 1').then(
        () => true,
        (error: unknown) => {
          logger.warn({ err: error }, 'the primary does not answer');
          return false;
        },
      );
      const tooLate = delay(PING_LIMIT_MS, false, { ref: false, signal: timer.signal }).catch(() => false);
      const isUp = await Promise.race([answer, tooLate]);
      timer.abort();
      return isUp;
    },

    async close() {
      await route?.close();
      await Promise.all([primary.end(), replica?.end()]);
    },
  };
}

interface ReadChoice {
  readonly target: 'replica' | 'primary';
  readonly reason: ReadReason;
}

const toPrimary = (reason: ReadReason) => ({ target: 'primary', reason }) as const;
const toReplica = (reason: ReadReason) => ({ target: 'replica', reason }) as const;

function createReplicaRoute(
  options: DatabaseOptions & {
    primary: pg.Pool;
    /** The primary, or the connection of the transaction to join. */
    joiningPool: Pick<pg.Pool, 'query'>;
    replica: pg.Pool;
    memory: WriteMemory;
    fallbacks: ReturnType<typeof createDatabaseMetrics>['fallbacks'];
  },
) {
  const { primary, joiningPool, replica, memory, logger, fallbacks } = options;
  const monitor = new ReplicaMonitor({
    replica: createPool(options.replicaUrl, 'replica monitor', REPLICA_WAIT_MS, {
      poolMin: 1,
      poolMax: 1,
      logger,
    }),
    primary,
    logger,
    maxLagMs: (options.replicaMaxLagSeconds ?? REPLICA_MAX_LAG_SECONDS) * 1000,
  });
  const client = new ReplicaClient({ replica, primary: joiningPool, monitor, fallbacks });
  // Drizzle asks a pool for nothing but query(), except in transaction().
  const db = drizzle(client as unknown as pg.Pool);
  db.transaction = async () => {
    throw new Error('read() is for single statements; a transaction is started by withTx()');
  };
  return {
    db,
    async choose(principalId: string | undefined): Promise<ReadChoice> {
      const state = monitor.state();
      if (!state.usable) return toPrimary(state.reason);
      if (principalId === undefined) return toReplica('none');
      const write = await memory.compare(principalId, state.replayed);
      return write === 'recent_write' ? toPrimary(write) : toReplica(write);
    },
    close: () => monitor.close(),
  };
}

/**
 * No `statement_timeout`, `lock_timeout`, `idle_in_transaction_session_timeout` or `options` here: node-postgres
 * sends them at the start of a connection, where PgBouncer refuses them. They are set on the role.
 */
function createPool(
  url: string | undefined,
  name: string,
  waitMs: number,
  options: { poolMin: number; poolMax: number; logger: Logger },
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    min: options.poolMin,
    max: options.poolMax,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    keepAlive: true,
  });
  // An idle connection that the other side closes; the pool has dropped it. Without a listener the process ends.
  pool.on('error', (error) => options.logger.warn({ err: error, pool: name }, 'an idle connection was lost'));
  return pool;
}
