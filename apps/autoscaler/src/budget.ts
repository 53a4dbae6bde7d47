/**
 * How many instances the host and PgBouncer bear. A ceiling keeps instances from being added; it never takes one away
 * that runs, because what is too much already is a person's to judge (and an alert's to tell).
 */
import type { InstanceConnections } from '@sv-sdk/config';
import type { ServiceName } from '@sv-sdk/scaling';

export interface Ceiling {
  readonly limit: 'max' | 'memory' | 'cpu' | 'pools';
  readonly instances: number;
  readonly why: string;
}

export interface Host {
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  /** Of all cores. */
  readonly cpuRatio: number;
  /** PgBouncer's max_client_conn; max_connections of the server where there is no PgBouncer. */
  readonly connectionsMax: number;
}

export interface BudgetSettings {
  readonly memoryMaxRatio: number;
  readonly cpuMaxRatio: number;
  readonly poolMaxRatio: number;
  /** As the plan of all connections counts them (docs/operations/connections.md). */
  readonly connections: InstanceConnections;
}

export interface Load {
  readonly service: ServiceName;
  readonly running: number;
  /** The container's limit; 0: it has none. */
  readonly memoryLimitBytes: number;
  /** What all of them use together. */
  readonly residentBytes: number;
}

/** The ceilings of `service`, given what runs of every scaled service, those just started included. */
export function ceilingsOf(
  service: ServiceName,
  loads: readonly Load[],
  host: Host,
  settings: BudgetSettings,
): readonly Ceiling[] {
  const own = loads.find((load) => load.service === service);
  if (own === undefined) throw new Error(`${service} is not among what runs`);
  return [
    ...memoryCeiling(own, loads, host, settings),
    ...cpuCeiling(own, host, settings),
    poolCeiling(own, loads, host, settings),
  ];
}

/** What runs may grow to its limit: so much of what is available is spoken for. */
function memoryCeiling(own: Load, loads: readonly Load[], host: Host, settings: BudgetSettings): Ceiling[] {
  if (own.memoryLimitBytes === 0) return [];
  const keptBytes = host.memoryTotalBytes * (1 - settings.memoryMaxRatio);
  const spokenForBytes = loads.reduce(
    (sum, load) => sum + Math.max(0, load.running * load.memoryLimitBytes - load.residentBytes),
    0,
  );
  const leftBytes = host.memoryAvailableBytes - keptBytes - spokenForBytes;
  const more = Math.max(0, Math.floor(leftBytes / own.memoryLimitBytes));
  return [
    {
      limit: 'memory',
      instances: own.running + more,
      why: `the host has ${mebibytes(Math.max(0, leftBytes))} MiB to give away, and one may take ${mebibytes(own.memoryLimitBytes)} MiB`,
    },
  ];
}

/** On a host without an idle core more instances only share what there is. */
function cpuCeiling(own: Load, host: Host, settings: BudgetSettings): Ceiling[] {
  if (host.cpuRatio <= settings.cpuMaxRatio) return [];
  return [
    {
      limit: 'cpu',
      instances: own.running,
      why: `the host's CPU is in use to ${Math.round(host.cpuRatio * 100)} %`,
    },
  ];
}

/** Past this limit an instance would start and get no connection. */
function poolCeiling(own: Load, loads: readonly Load[], host: Host, settings: BudgetSettings): Ceiling {
  const { connections } = settings;
  const allowed = host.connectionsMax * settings.poolMaxRatio;
  const ofOthers = loads
    .filter((load) => load !== own)
    .reduce((sum, load) => sum + load.running * connections[load.service], connections.others);
  const one = connections[own.service];
  const instances = Math.max(0, Math.floor((allowed - ofOthers) / one));
  return {
    limit: 'pools',
    instances,
    why: `of ${host.connectionsMax} connections ${Math.floor(allowed)} are to be given away, one may open ${one}, and others ${ofOthers}`,
  };
}

const mebibytes = (bytes: number) => Math.round(bytes / 1024 / 1024);
