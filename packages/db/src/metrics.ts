import type pg from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * Why a read went where it went. To the replica: `none`, the caller wrote nothing lately; `caught_up`, it has
 * replayed what the caller wrote. To the primary: `recent_write`, it has not; `lag`, `down`; `none`, there is
 * no replica.
 */
export type ReadReason = 'none' | 'caught_up' | 'recent_write' | 'lag' | 'down';

export function createDatabaseMetrics(registry: Registry, pools: Readonly<Record<string, pg.Pool>>) {
  new Gauge({
    name: 'sv_db_pool_connections',
    help: 'Connections of this process, by pool and whether a query or transaction holds them.',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [name, pool] of Object.entries(pools)) {
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
      for (const [name, pool] of Object.entries(pools)) this.set({ pool: name }, pool.waitingCount);
    },
  });
  return {
    reads: new Counter<'target' | 'reason'>({
      name: 'sv_db_reads_total',
      help: 'Where db.read() sent its callers, and why.',
      labelNames: ['target', 'reason'],
      registers: [registry],
    }),
    fallbacks: new Counter({
      name: 'sv_db_replica_fallbacks_total',
      help: 'Statements that failed on the replica and were run on the primary instead.',
      registers: [registry],
    }),
  };
}
