/** The plan of all connections, of this environment, for people and for `make up`. */
import { cpus, totalmem } from 'node:os';
import {
  type ConnectionNeeds,
  type ConnectionPlan,
  connectionPlan,
  type Excess,
  excessOf,
  isPooled,
  isSet,
  loadConfig,
  PLANNED_PREFIX,
} from '@sv-sdk/config';
import { columns } from './output.ts';

/** The settings that are planned, and the plan's value for each. */
const PLANNED = {
  DB_POOL_MAX: 'dbPoolMax',
  PGBOUNCER_MAX_CLIENT_CONN: 'maxClientConnections',
  PGBOUNCER_POOL_SIZE: 'poolSize',
  POSTGRES_MAX_CONNECTIONS: 'maxConnections',
} as const;

/** The plan does not fit: who needs how many, what is allowed, and what to change. */
export class ConnectionsError extends Error {
  constructor(excesses: readonly Excess[]) {
    super(excesses.map(tellExcess).join('\n\n'));
    this.name = 'ConnectionsError';
  }
}

export interface PlannedConnections {
  readonly needs: ConnectionNeeds;
  readonly plan: ConnectionPlan;
}

/** Of the machine and of the settings. Inside of a container both figures are the engine's machine's. */
export function planConnections(): PlannedConnections {
  const config = loadConfig([
    'APP_INSTANCES',
    'DATABASE_REPLICA_URL',
    'DATABASE_URL',
    'DB_POOL_MAX',
    'PGBOUNCER_CONSOLE_URL',
    'PGBOUNCER_MAX_CLIENT_CONN',
    'PGBOUNCER_POOL_SIZE',
    'POSTGRES_CPUS',
    'POSTGRES_MAX_CONNECTIONS',
    'POSTGRES_MEMORY',
    'POSTGRES_SHARED_BUFFERS',
    'POSTGRES_SPINDLES',
    'WORKER_INSTANCES',
  ]);
  const needs: ConnectionNeeds = {
    cores: cpus().length,
    memoryBytes: totalmem(),
    postgresCpus: config.POSTGRES_CPUS,
    postgresMemoryBytes: config.POSTGRES_MEMORY,
    sharedBuffersBytes: config.POSTGRES_SHARED_BUFFERS,
    spindles: config.POSTGRES_SPINDLES,
    replicas: config.DATABASE_REPLICA_URL.length,
    appInstances: config.APP_INSTANCES,
    workerInstances: config.WORKER_INSTANCES,
    isPooled: isPooled(config),
    chosen: {
      ...(isSet('DB_POOL_MAX') && { dbPoolMax: config.DB_POOL_MAX }),
      ...(config.PGBOUNCER_POOL_SIZE !== undefined && { poolSize: config.PGBOUNCER_POOL_SIZE }),
      ...(config.POSTGRES_MAX_CONNECTIONS !== undefined && {
        maxConnections: config.POSTGRES_MAX_CONNECTIONS,
      }),
      ...(config.PGBOUNCER_MAX_CLIENT_CONN !== undefined && {
        maxClientConnections: config.PGBOUNCER_MAX_CLIENT_CONN,
      }),
    },
  };
  return { needs, plan: connectionPlan(needs) };
}

/** Throws {@link ConnectionsError} if the plan does not fit, by its own figures or by what a server says it allows. */
export function refuseExcess({ needs, plan }: PlannedConnections, liveMaxConnections?: number): void {
  const excesses = excessOf(plan, needs, liveMaxConnections);
  if (excesses.length > 0) throw new ConnectionsError(excesses);
}

/** What `make up` writes for the containers: what a setting is where nobody chooses it. */
export function planLines(plan: ConnectionPlan): string {
  return Object.entries(PLANNED)
    .map(([name, field]) => `${PLANNED_PREFIX}${name}=${plan[field]}`)
    .join('\n');
}

const FROM = {
  formula: (needs: ConnectionNeeds) =>
    `(${Math.min(needs.cores, needs.postgresCpus)} cores × 2) + ${needs.spindles} disk`,
  memory: () => 'as many as POSTGRES_MEMORY can bear',
  choice: () => 'PGBOUNCER_POOL_SIZE',
} as const;

export function tellPlan({ needs, plan }: PlannedConnections): string {
  const sizes = columns(
    ['setting', 'is', ''],
    [
      ['PGBOUNCER_POOL_SIZE', String(plan.poolSize), `of each pool: ${FROM[plan.poolSizeFrom](needs)}`],
      ['DB_POOL_MAX', String(plan.dbPoolMax), 'of each process, to each database'],
      ['POSTGRES_MAX_CONNECTIONS', String(plan.maxConnections), 'of each server'],
      ['PGBOUNCER_MAX_CLIENT_CONN', String(plan.maxClientConnections), 'of apps and workers'],
    ],
  );
  return [
    sizes,
    tellUses(plan.postgres, needs.isPooled ? plan.maxConnections : undefined),
    ...(needs.isPooled ? [tellUses(plan.pgbouncer, plan.maxClientConnections)] : []),
  ].join('\n\n');
}

function tellUses({ server, uses, total }: ConnectionPlan['postgres'], allowed: number | undefined): string {
  return columns(
    [`connections to ${server}`, 'at most', 'by'],
    [
      ...uses.map(({ who, most, setting }) => [who, String(most), setting ?? '']),
      ['together', String(total), ''],
      ...(allowed === undefined ? [] : [['allowed', String(allowed), '']]),
    ],
  );
}

function tellExcess({ budget, allowed, setting }: Excess): string {
  const lower = [...new Set(budget.uses.flatMap((use) => use.setting ?? []))].join(' or ');
  return (
    `The connections do not fit: ${budget.server} allows ${allowed}, and all together may need ${budget.total}.\n\n` +
    `${tellUses(budget, allowed)}\n\n` +
    `Lower ${lower}, or raise ${setting} to ${budget.total} or more (docs/operations/connections.md).`
  );
}
