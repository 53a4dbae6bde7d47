import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { Registry } from 'prom-client';
import { type ConflictOutcome, type ConflictReason, conflictOf, repeatOnConflict } from './conflict.ts';
import { JoinedTransaction, Joining } from './joined-transaction.ts';
import { createDatabaseMetrics } from './metrics.ts';
import { type ConnectionUrl, createPool, fillPool } from './pool.ts';
import { parsePosition } from './position.ts';
import { type RecentWrites, WriteMemory } from './recent-writes.ts';
import { type ReadChoice, ReplicaSet } from './replica-set.ts';
import { staleKeysOf } from './stale-keys.ts';
import { type Db, type Tx, transact } from './transaction.ts';

export interface Database {
  /** Drizzle on the primary, for single statements and for what must be the truth (authentication). */
  write(): Db;
  /**
   * Drizzle on a replica that has replayed this principal's last write, the least busy one, else on the primary;
   * without a principal, on any replica that isn't far behind. For single statements that only read. Never fails
   * because of a replica: a statement that fails there is run on the primary.
   */
  read(principalId?: string): Promise<Db>;
  /**
   * Runs `action` in a transaction on the primary: committed when it resolves, rolled back when it rejects.
   * With `principalId`, later `read(principalId)`s of any instance see what was written.
   *
   * Inside of `inOneTransaction` it is a savepoint of that transaction, and committed with it; with `separate`
   * it is a transaction of its own all the same. As that needs a second connection, use it before the first
   * other `withTx` or after the last: a pool whose every connection waits for another stands still.
   *
   * `repeatable`: when Postgres gives the transaction up for the sake of another (a deadlock, a serialization
   * failure), `action` is run again from its beginning, up to three times. Only for an action that does nothing
   * that a rollback doesn't undo: no mail, no cookie, nothing added to what lies outside of it. Never inside of
   * `inOneTransaction`, which only a new request can repeat as a whole.
   */
  withTx<T>(
    action: (tx: Tx) => Promise<T>,
    options?: { principalId?: string; separate?: boolean; repeatable?: boolean },
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
  /**
   * Opens all connections that there may be, before the first caller needs them; answers how many. Rejects if the primary
   * can't be reached.
   */
  warm(): Promise<number>;
  /** How many callers of this process wait for a connection to the primary. No I/O. */
  waitingForPrimary(): number;
  /** Whether the primary answers a query within two seconds. */
  ping(): Promise<boolean>;
  /** Waits for what is running, then closes all connections. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  primaryUrl: ConnectionUrl;
  /** One of each replica; none: all reads go to the primary. */
  replicaUrls?: readonly ConnectionUrl[] | undefined;
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

/** How long a caller waits for a connection to the primary. */
const PRIMARY_WAIT_MS = 5_000;
const PING_LIMIT_MS = 2_000;

/** Opens no connection by itself but those that watch where replicas are, so a start doesn't fail on a database that is away. */
export function createDatabase(options: DatabaseOptions): Database {
  const { logger, poolMin, poolMax, replicaUrls = [] } = options;
  const metrics = createDatabaseMetrics(options.registry);
  const primary = createPool({
    name: 'primary',
    url: options.primaryUrl,
    min: poolMin,
    max: poolMax,
    waitMs: PRIMARY_WAIT_MS,
    logger,
    observe: metrics.observeStatements('primary'),
  });
  metrics.addPool('primary', primary);
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

  const isAnyRemembered = replicaUrls.length > 0 || options.recentWrites !== undefined;

  /** What is to be done after a commit, before the caller hears of it. */
  const afterCommit = async (done: {
    principalIds: Iterable<string>;
    position?: string;
    staleKeys: string[];
  }) => {
    const { position } = done;
    if (position !== undefined) {
      const shared = [...done.principalIds].map((principalId) => memory.remember(principalId, position));
      const isShared = (await Promise.all(shared)).every(Boolean);
      // Another instance may know an older write of the caller's only, and would read a replica without this one.
      if (!isShared) await replicas?.untilReplayed(parsePosition(position));
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

  const replicas =
    replicaUrls.length === 0
      ? undefined
      : new ReplicaSet({
          urls: replicaUrls,
          poolMin,
          poolMax,
          logger,
          primary,
          joiningPool,
          memory,
          metrics,
          maxLagSeconds: options.replicaMaxLagSeconds,
        });

  const isInOpenTransaction = () => joining.joined?.hasBegun ?? false;
  const choose = async (principalId: string | undefined): Promise<ReadChoice> => {
    if (replicas === undefined) return { server: 'primary', reason: 'none' };
    // No replica can have what isn't committed.
    if (isInOpenTransaction()) return { server: 'primary', reason: 'recent_write' };
    return replicas.choose(principalId);
  };

  const onConflict = (reason: ConflictReason, outcome: ConflictOutcome) => {
    metrics.conflicts.inc({ reason, outcome });
    logger.info({ reason, outcome }, 'Postgres gave a transaction up for the sake of another');
  };

  return {
    write: () => onPrimary,

    isInOpenTransaction,

    async read(principalId) {
      const { server, reason, db = onPrimary } = await choose(principalId);
      metrics.reads.inc({ target: server === 'primary' ? 'primary' : 'replica', server, reason });
      return db;
    },

    async withTx(action, { principalId, separate = false, repeatable = false } = {}) {
      const { joined } = joining;
      const onItsOwn = () =>
        repeatOnConflict(() => alone(action, principalId), { isRepeatable: repeatable, onConflict });
      if (separate) return joining.apart(onItsOwn);
      if (joined === undefined) return onItsOwn();
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
        const reason = conflictOf(error);
        if (reason !== undefined) onConflict(reason, 'not_repeatable');
        throw error;
      }
      const committed = await joined.commit();
      await afterCommit({ ...committed, principalIds: joined.principalIds, staleKeys });
      return value;
    },

    async warm() {
      const [onThePrimary, onReplicas = 0] = await Promise.all([fillPool(primary), replicas?.warm()]);
      return onThePrimary + onReplicas;
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
      await replicas?.close();
      await primary.end();
    },
  };
}
