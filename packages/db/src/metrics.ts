import type pg from 'pg';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ReplicaMonitor } from './replica-monitor.ts';

/**
 * Why a read went where it went. To a replica: `none`, the caller wrote nothing lately; `caught_up`, it has
 * replayed what the caller wrote. To the primary: `recent_write`, none has; `lag`, `down`: none is in use; `none`, there
 * is none.
 */
export type ReadReason = 'none' | 'caught_up' | 'recent_write' | 'lag' | 'down';

export type DatabaseMetrics = ReturnType<typeof createDatabaseMetrics>;

/** Fewer than of requests, as there are many statements: from what a primary key costs to a statement's time limit. */
const STATEMENT_BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** A server is `primary`, `replica_1`, `replica_2`, …: as many as there are URLs. */
export function createDatabaseMetrics(registry: Registry) {
  const pools = new Map<string, pg.Pool>();
  const replicas = new Map<string, ReplicaMonitor>();
  new Gauge({
    name: 'sv_db_pool_connections',
    help: 'Connections of this process, by pool and whether a query or transaction holds them.',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [name, pool] of pools) {
        this.set({ pool: name, state: 'idle' }, pool.idleCount);
        this.set({ pool: name, state: 'in_use' }, pool.totalCount - pool.idleCount);
      }
    },
  });
  new Gauge({
    name: 'sv_db_pool_waiting',
    help: 'Callers that wait for a connection of the pool.',
    labelNames: ['pool'],
    registers: [registry],
    collect() {
      for (const [name, pool] of pools) this.set({ pool: name }, pool.waitingCount);
    },
  });
  new Gauge({
    name: 'sv_db_replica_usable',
    help: 'Whether this process reads a replica: 1, or 0 while it is down, far behind or no replica of the primary.',
    labelNames: ['server'],
    registers: [registry],
    collect() {
      for (const [server, monitor] of replicas) this.set({ server }, monitor.state().usable ? 1 : 0);
    },
  });
  new Gauge({
    name: 'sv_db_replica_lag_seconds',
    help: 'For how long the primary has had what a replica has not replayed, as this process sees it.',
    labelNames: ['server'],
    registers: [registry],
    collect() {
      for (const [server, monitor] of replicas) this.set({ server }, monitor.lagMs() / 1000);
    },
  });
  const statements = new Histogram({
    name: 'sv_db_statement_duration_seconds',
    help: 'Time of a statement from its call to its last row, by its name, or by its verb and first table.',
    labelNames: ['pool', 'statement'],
    buckets: STATEMENT_BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    /** For a pool, which tells it of each statement. */
    observeStatements: (pool: string) => (statement: string, seconds: number) =>
      statements.observe({ pool, statement }, seconds),
    addPool: (name: string, pool: pg.Pool) => void pools.set(name, pool),
    addReplica: (name: string, monitor: ReplicaMonitor) => void replicas.set(name, monitor),
    reads: new Counter<'target' | 'server' | 'reason'>({
      name: 'sv_db_reads_total',
      help: 'Where db.read() sent its callers, and why.',
      labelNames: ['target', 'server', 'reason'],
      registers: [registry],
    }),
    fallbacks: new Counter<'server'>({
      name: 'sv_db_replica_fallbacks_total',
      help: 'Statements that failed on a replica and were run on the primary instead.',
      labelNames: ['server'],
      registers: [registry],
    }),
    conflicts: new Counter<'reason' | 'outcome'>({
      name: 'sv_db_transaction_conflicts_total',
      help: 'Transactions that Postgres rolled back for the sake of another, and whether they were run again.',
      labelNames: ['reason', 'outcome'],
      registers: [registry],
    }),
  };
}
