/**
 * The sizes of all pools, and whether they fit together, from one place: what `make up` computes of the host
 * (`sdk config plan`), and what `db migrate` holds against the server that is really there.
 * docs/operations/connections.md says why each figure is what it is.
 */
import type { SettingName } from './settings.ts';

export interface ConnectionNeeds {
  /** Of the machine that the engine runs on. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** What one Postgres server may use of them, and its disks. */
  readonly postgresCpus: number;
  readonly postgresMemoryBytes: number;
  readonly sharedBuffersBytes: number;
  readonly spindles: number;
  readonly replicas: number;
  readonly appInstances: number;
  readonly workerInstances: number;
  /** Whether the processes go through our PgBouncer, or straight to a server elsewhere. */
  readonly isPooled: boolean;
  /** Sizes that a person has chosen; the others are computed. */
  readonly chosen: Readonly<Partial<ConnectionSizes>>;
}

export interface ConnectionSizes {
  /** PgBouncer's connections to one server, for each of its databases. */
  readonly poolSize: number;
  /** One process' connections to PgBouncer, for each of these. */
  readonly dbPoolMax: number;
  readonly maxConnections: number;
  readonly maxClientConnections: number;
}

/** Connections that somebody may hold at the most, and the setting that changes it. */
export interface ConnectionUse {
  readonly who: string;
  readonly most: number;
  readonly setting?: SettingName;
}

export interface Budget {
  readonly server: string;
  readonly uses: readonly ConnectionUse[];
  readonly total: number;
}

export interface ConnectionPlan extends ConnectionSizes {
  /** What has set the pool's size. */
  readonly poolSizeFrom: 'formula' | 'memory' | 'choice';
  /** On one Postgres server, whichever: after a failover any of them can be the only one that is left. */
  readonly postgres: Budget;
  /** Of clients, on PgBouncer; empty where none is used. */
  readonly pgbouncer: Budget;
}

/**
 * What one more busy connection takes of a server's memory: work_mem (8 MB) and as much again for its process, its
 * catalogue cache and 200 prepared statements.
 */
const BYTES_A_CONNECTION = 16 * 1024 ** 2;
/** Of the server itself, beside shared_buffers: its own processes, WAL, autovacuum's maintenance_work_mem. */
const BYTES_OF_SERVER = 128 * 1024 ** 2;

/** PgBouncer's own user, which asks for a role's password: entrypoint.sh limits it to these. */
const ROLE_LOOKUPS = 2;
/** On every server, past PgBouncer. WAL senders are not among them: they are counted by max_wal_senders. */
const DIRECT_USES: readonly ConnectionUse[] = [
  { who: 'migrations, and `sdk db …` as the owner', most: 3 },
  { who: 'backups', most: 4 },
  { who: 'exporters', most: 3 },
  { who: 'failover, rejoin, and people', most: 5 },
  { who: 'kept by Postgres for its superuser', most: 3 },
];
/** Of PgBouncer's clients: the exporter, `db migrate`, `sdk …` and people. */
const OTHER_CLIENTS: ConnectionUse = { who: 'exporter, `sdk …`, and people', most: 10 };

/** What stood here before anything was computed; a small host gains nothing by less. */
const LEAST = { dbPoolMax: 10, maxConnections: 100, maxClientConnections: 2000 } as const;
/** DatabaseConnectionsHigh and PgbouncerClientsHigh tell of 80 %: what is planned stays below. */
const PLANNED_SHARE = 0.8;

export function connectionPlan(needs: ConnectionNeeds): ConnectionPlan {
  const { chosen } = needs;
  const byFormula = Math.floor(2 * Math.min(needs.cores, needs.postgresCpus)) + needs.spindles;
  const byMemory = poolSizeByMemory(needs);
  const poolSize = chosen.poolSize ?? Math.max(1, Math.min(byFormula, byMemory));
  // One process alone can use the whole pool.
  const dbPoolMax = chosen.dbPoolMax ?? Math.max(LEAST.dbPoolMax, poolSize);
  const postgres = budget('Postgres', serverUses(needs, poolSize, dbPoolMax));
  const pgbouncer = budget('PgBouncer', needs.isPooled ? clientUses(needs, dbPoolMax) : []);
  return {
    poolSize,
    dbPoolMax,
    maxConnections:
      chosen.maxConnections ?? Math.max(LEAST.maxConnections, roundUp(postgres.total / PLANNED_SHARE, 10)),
    // Twice: while a release replaces every instance, the old and the new are there together.
    maxClientConnections:
      chosen.maxClientConnections ??
      Math.max(LEAST.maxClientConnections, roundUp((2 * pgbouncer.total) / PLANNED_SHARE, 100)),
    poolSizeFrom: chosen.poolSize !== undefined ? 'choice' : byMemory < byFormula ? 'memory' : 'formula',
    postgres,
    pgbouncer,
  };
}

/** What one instance may open to what all of them share, PgBouncer or a server elsewhere, and what others may there. */
export interface InstanceConnections {
  readonly app: number;
  readonly worker: number;
  readonly others: number;
}

export function instanceConnections(
  needs: Pick<ConnectionNeeds, 'isPooled' | 'replicas'>,
  dbPoolMax: number,
): InstanceConnections {
  // Its pools to replicas elsewhere are not on the server that this counts for.
  if (!needs.isPooled) return { app: dbPoolMax, worker: dbPoolMax, others: sumOf(DIRECT_USES) };
  return {
    // A pool to the primary, and to each replica one with a connection beside it that asks how far it is.
    app: dbPoolMax + needs.replicas * (dbPoolMax + 1),
    worker: dbPoolMax,
    others: OTHER_CLIENTS.most,
  };
}

export interface Excess {
  readonly budget: Budget;
  readonly allowed: number;
  /** The setting by which more are allowed. */
  readonly setting: SettingName;
}

/**
 * What of a plan does not fit. `liveMaxConnections` is what a server itself says; without it that of a server
 * elsewhere isn't known, and isn't judged.
 */
export function excessOf(
  plan: ConnectionPlan,
  needs: Pick<ConnectionNeeds, 'isPooled'>,
  liveMaxConnections?: number,
): Excess[] {
  const found: Excess[] = [];
  const allowed = liveMaxConnections ?? (needs.isPooled ? plan.maxConnections : undefined);
  if (allowed !== undefined && plan.postgres.total > allowed)
    found.push({ budget: plan.postgres, allowed, setting: 'POSTGRES_MAX_CONNECTIONS' });
  if (plan.pgbouncer.total > plan.maxClientConnections) {
    found.push({
      budget: plan.pgbouncer,
      allowed: plan.maxClientConnections,
      setting: 'PGBOUNCER_MAX_CLIENT_CONN',
    });
  }
  return found;
}

/** PgBouncer's databases: `sv`, and one a replica, `sv_ro`; without a replica that leads to the primary as well. */
function pooledDatabases(replicas: number): number {
  return 1 + Math.max(1, replicas);
}

function poolSizeByMemory(needs: ConnectionNeeds): number {
  const memoryBytes = Math.min(needs.memoryBytes, needs.postgresMemoryBytes);
  const connections = Math.floor(
    (memoryBytes - needs.sharedBuffersBytes - BYTES_OF_SERVER) / BYTES_A_CONNECTION,
  );
  return Math.floor(connections / pooledDatabases(needs.replicas));
}

function serverUses(needs: ConnectionNeeds, poolSize: number, dbPoolMax: number): ConnectionUse[] {
  const { appInstances, workerInstances } = needs;
  if (!needs.isPooled) {
    const { app, worker } = instanceConnections(needs, dbPoolMax);
    return [
      processes('apps', appInstances, app),
      processes('workers', workerInstances, worker),
      ...DIRECT_USES,
    ];
  }
  const replicaPools = pooledDatabases(needs.replicas) - 1;
  return [
    { who: "PgBouncer's pool sv", most: poolSize, setting: 'PGBOUNCER_POOL_SIZE' },
    {
      who: `PgBouncer's ${replicaPools === 1 ? 'pool sv_ro' : `${replicaPools} pools sv_ro`}, if no replica is left`,
      most: replicaPools * poolSize,
      setting: 'PGBOUNCER_POOL_SIZE',
    },
    { who: "PgBouncer's look-up of roles", most: ROLE_LOOKUPS },
    ...DIRECT_USES,
  ];
}

function clientUses(needs: ConnectionNeeds, dbPoolMax: number): ConnectionUse[] {
  const { app, worker } = instanceConnections(needs, dbPoolMax);
  return [
    processes('apps', needs.appInstances, app),
    processes('workers', needs.workerInstances, worker),
    OTHER_CLIENTS,
  ];
}

function processes(name: string, instances: number, each: number): ConnectionUse {
  return { who: `${instances} ${name} of up to ${each}`, most: instances * each, setting: 'DB_POOL_MAX' };
}

function budget(server: string, uses: readonly ConnectionUse[]): Budget {
  return { server, uses, total: sumOf(uses) };
}

function sumOf(uses: readonly ConnectionUse[]): number {
  return uses.reduce((sum, { most }) => sum + most, 0);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
