import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { DatabaseMetrics, ReadReason } from './metrics.ts';
import { type ConnectionUrl, createPool, fillPool } from './pool.ts';
import { isReached, type Position } from './position.ts';
import { PrimaryWatch } from './primary-watch.ts';
import { RECENT_WRITE_SECONDS, type WriteMemory } from './recent-writes.ts';
import { ReplicaClient } from './replica-client.ts';
import { ReplicaMonitor } from './replica-monitor.ts';
import type { Db } from './transaction.ts';

const MAX_LAG_SECONDS = RECENT_WRITE_SECONDS / 3;
/** A fifth of how often a replica is asked: a wait for its position ends soon after the answer. */
const REPLAY_LOOK_MS = 50;
/** Shorter than the primary's, as the primary can take the read. */
const WAIT_MS = 1_000;

export interface ReplicaSetOptions {
  /** One of each replica; at least one. */
  urls: readonly ConnectionUrl[];
  poolMin: number;
  /** Of each replica. */
  poolMax: number;
  logger: Logger;
  primary: pg.Pool;
  /** The primary, or the connection of the transaction to join. */
  joiningPool: Pick<pg.Pool, 'query'>;
  memory: WriteMemory;
  metrics: DatabaseMetrics;
  maxLagSeconds?: number | undefined;
}

interface Replica {
  /** replica_1, replica_2, …, in the order of the URLs: what metrics and log call it. */
  readonly name: string;
  readonly pool: pg.Pool;
  readonly monitor: ReplicaMonitor;
  readonly db: Db;
}

/** Where a read goes: to a replica by its name, or to the primary. */
export interface ReadChoice {
  readonly server: string;
  readonly reason: ReadReason;
  /** Undefined: the primary. */
  readonly db?: Db;
}

const toPrimary = (reason: ReadReason): ReadChoice => ({ server: 'primary', reason });

/** The replicas of a primary, each with a pool, a position and a lag of its own. */
export class ReplicaSet {
  readonly #watch: PrimaryWatch;
  readonly #memory: WriteMemory;
  readonly #replicas: readonly Replica[];
  /** Where the search for the least busy one begins, so that equals take turns. */
  #turn = 0;
  #isClosed = false;

  constructor(options: ReplicaSetOptions) {
    const { primary, logger } = options;
    this.#memory = options.memory;
    this.#watch = new PrimaryWatch({ primary, logger });
    this.#replicas = options.urls.map((url, index) =>
      createReplica({ ...options, url, name: `replica_${index + 1}`, watch: this.#watch }),
    );
  }

  /** The least busy of those that have what the principal wrote lately; without one, of all that aren't far behind. */
  async choose(principalId: string | undefined): Promise<ReadChoice> {
    // With no replica in use nobody needs to know what the caller wrote.
    const unusable = this.#whyNone();
    if (unusable !== undefined) return toPrimary(unusable);
    const writes = principalId === undefined ? [] : await this.#memory.positionsOf(principalId);
    if (writes === 'unknown') return toPrimary('recent_write');
    // Asked again: a moment has passed.
    const replica = this.#leastBusy(({ monitor }) => {
      const state = monitor.state();
      return state.usable && writes.every((write) => isReached(write, state.replayed));
    });
    if (replica === undefined) return toPrimary(this.#whyNone() ?? 'recent_write');
    return { server: replica.name, reason: writes.length === 0 ? 'none' : 'caught_up', db: replica.db };
  }

  /**
   * Waits until no replica that anybody may read lacks what was written at `position`. At the longest for as long as a
   * replica may lag and be read.
   */
  async untilReplayed(position: Position): Promise<void> {
    const mayLack = ({ monitor }: Replica) => monitor.mayLack(position);
    while (!this.#isClosed && this.#replicas.some(mayLack)) await delay(REPLAY_LOOK_MS);
  }

  /** Opens all connections that there may be; answers how many. One that is away is its monitor's to tell of. */
  async warm(): Promise<number> {
    const filled = await Promise.allSettled(this.#replicas.map(({ pool }) => fillPool(pool)));
    return filled.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#watch.close();
    await Promise.all(
      this.#replicas.map(async ({ monitor, pool }) => {
        await monitor.close();
        await pool.end();
      }),
    );
  }

  /** Why no replica is in use at all; undefined where one is. */
  #whyNone(): 'lag' | 'down' | undefined {
    let reason: 'lag' | 'down' = 'down';
    for (const { monitor } of this.#replicas) {
      const state = monitor.state();
      if (state.usable) return undefined;
      if (state.reason === 'lag') reason = 'lag';
    }
    return reason;
  }

  #leastBusy(isWanted: (replica: Replica) => boolean): Replica | undefined {
    this.#turn = (this.#turn + 1) % this.#replicas.length;
    const inTurn = [...this.#replicas.slice(this.#turn), ...this.#replicas.slice(0, this.#turn)];
    return inTurn
      .filter(isWanted)
      .reduce<Replica | undefined>(
        (best, replica) =>
          best !== undefined && inFlight(best.pool) <= inFlight(replica.pool) ? best : replica,
        undefined,
      );
  }
}

/** Queries that a pool's server has yet to answer, or that wait for a connection to it. */
const inFlight = (pool: pg.Pool) => pool.totalCount - pool.idleCount + pool.waitingCount;

function createReplica(
  options: ReplicaSetOptions & { name: string; url: ConnectionUrl; watch: PrimaryWatch },
): Replica {
  const { name, url, metrics } = options;
  const logger = options.logger.child({ replica: name });
  const pool = createPool({
    name,
    url,
    min: options.poolMin,
    max: options.poolMax,
    waitMs: WAIT_MS,
    logger,
    observe: metrics.observeStatements(name),
  });
  const monitor = new ReplicaMonitor({
    replica: createPool({ name: `${name} monitor`, url, min: 1, max: 1, waitMs: WAIT_MS, logger }),
    primary: options.watch,
    logger,
    maxLagMs: (options.maxLagSeconds ?? MAX_LAG_SECONDS) * 1000,
  });
  metrics.addPool(name, pool);
  metrics.addReplica(name, monitor);
  const client = new ReplicaClient({
    replica: pool,
    primary: options.joiningPool,
    monitor,
    onFallback: () => metrics.fallbacks.inc({ server: name }),
  });
  // Drizzle asks a pool for nothing but query(), except in transaction().
  const db = drizzle(client as unknown as pg.Pool);
  db.transaction = async () => {
    throw new Error('read() is for single statements; a transaction is started by withTx()');
  };
  return { name, pool, monitor, db };
}
