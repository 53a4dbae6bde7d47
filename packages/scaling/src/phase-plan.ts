/**
 * A phase of the scaling guide on one machine: how many instances, and how much memory each part gets, computed together
 * and held against the host. The pools follow from these by the connection plan (packages/config). No I/O.
 * docs/operations/scaling.md says why each figure is what it is.
 */
import { type Phase, phases } from './phases.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Those that one machine carries; the fourth is several machines. */
export type PhaseNumber = 1 | 2 | 3;

export interface Host {
  readonly cores: number;
  readonly memoryBytes: number;
}

/** What a person has set by hand, which wins, and what is elsewhere and takes no memory here. */
export interface PhaseChoices {
  readonly appInstances?: number;
  readonly workerInstances?: number;
  readonly appMemoryBytes?: number;
  readonly workerMemoryBytes?: number;
  readonly postgresMemoryBytes?: number;
  readonly redisMaxBytes?: number;
  readonly redisMemoryBytes?: number;
  readonly redisQueueMaxBytes?: number;
  readonly redisQueueMemoryBytes?: number;
  readonly redisClusterMaxBytes?: number;
  readonly redisClusterMemoryBytes?: number;
  readonly isDatabaseElsewhere?: boolean;
  readonly isCacheElsewhere?: boolean;
  readonly isQueueElsewhere?: boolean;
  /** Whatever the phase has: docker-compose.scale.yml, and the profile of the cluster, stand in the settings. */
  readonly hasSecondReplica?: boolean;
  readonly hasRedisCluster?: boolean;
}

/** Containers of one kind, and what each may take. */
export interface MemoryUse {
  readonly who: string;
  readonly containers: number;
  readonly eachBytes: number;
}

export interface PhasePlan {
  readonly phase: Phase;
  readonly appInstances: number;
  readonly workerInstances: number;
  readonly appMemoryBytes: number;
  readonly workerMemoryBytes: number;
  /** Of one node, all of which are alike: after a failover any of them is the primary. */
  readonly postgresMemoryBytes: number;
  readonly sharedBuffersBytes: number;
  readonly postgresCpus: number;
  readonly databaseNodes: number;
  /** One cluster for what is here of cache and queue, in place of a server for each. */
  readonly hasRedisCluster: boolean;
  readonly redisMaxBytes: number;
  readonly redisMemoryBytes: number;
  readonly redisQueueMaxBytes: number;
  readonly redisQueueMemoryBytes: number;
  readonly redisClusterMaxBytes: number;
  readonly redisClusterMemoryBytes: number;
  readonly memory: readonly MemoryUse[];
  readonly memoryTotalBytes: number;
  /** Of the host: what all of it may take. */
  readonly memoryAllowedBytes: number;
  readonly fits: boolean;
}

/** What a process is killed at. Under load an app was seen at 150 to 200 MiB, and Node's heap needs room to grow. */
const PROCESS_MEMORY_BYTES = 320 * MIB;
/**
 * nginx, PgBouncer, ready-dns, Prometheus, Alertmanager, exporters and the mail catcher: 250 MiB together as measured,
 * and half as much again for what Prometheus keeps of more instances. Their limits are higher; that all reach them at once is
 * not planned for.
 */
const AROUND_BYTES = 384 * MIB;
/** For the kernel, its page cache and the engine: a tenth, and never less than this. */
const LEAST_KEPT_BYTES = 384 * MIB;
const KEPT_SHARE = 0.1;
/** A server that forks to write its file may need its data twice, and half as much for its buffers. */
const QUEUE_CONTAINER_SHARE = 2.5;
/** The cache is on no disk, so it never forks. */
const CACHE_CONTAINER_SHARE = 2;
/** PostgreSQL's own advice for a server that has its machine to itself. */
const SHARED_BUFFERS_SHARE = 0.25;
const CLUSTER_NODES = 6;

interface Sizes {
  readonly nodes: number;
  readonly hasRedisCluster: boolean;
  /** Of a database node: what it can do with, and what the guide's class of machine has. */
  readonly postgres: { readonly least: number; readonly most: number };
  readonly cacheMaxBytes: { readonly least: number; readonly most: number };
  readonly queueMaxBytes: { readonly least: number; readonly most: number };
}

/** The guide's classes: db.t3.small 2 GiB, db.t3.medium 4, db.m5.large 8; cache.t3.micro 0.5 GiB, cache.t3.small 1.4. */
const SIZES: Readonly<Record<PhaseNumber, Sizes>> = {
  1: {
    nodes: 2,
    hasRedisCluster: false,
    postgres: { least: 256 * MIB, most: 2 * GIB },
    cacheMaxBytes: { least: 64 * MIB, most: 256 * MIB },
    queueMaxBytes: { least: 64 * MIB, most: 256 * MIB },
  },
  2: {
    nodes: 2,
    hasRedisCluster: false,
    postgres: { least: 768 * MIB, most: 4 * GIB },
    cacheMaxBytes: { least: 128 * MIB, most: 1 * GIB },
    queueMaxBytes: { least: 128 * MIB, most: 512 * MIB },
  },
  3: {
    nodes: 3,
    hasRedisCluster: true,
    postgres: { least: 1 * GIB, most: 8 * GIB },
    // Of a node of the cluster, three of which share the data.
    cacheMaxBytes: { least: 128 * MIB, most: 1 * GIB },
    queueMaxBytes: { least: 128 * MIB, most: 1 * GIB },
  },
};

/** Every size at its least would be `share` 0, at its most 1: one share for all of them, the largest that fits. */
export function planPhase(number: PhaseNumber, host: Host, choices: PhaseChoices = {}): PhasePlan {
  const at = (share: number) => planAt(number, host, choices, share);
  let [fitting, tooMuch] = [0, 1];
  if (!at(fitting).fits) return at(0);
  if (at(tooMuch).fits) return at(1);
  // 1/1024 of the largest range is 7 MiB.
  for (let round = 0; round < 10; round += 1) {
    const middle = (fitting + tooMuch) / 2;
    if (at(middle).fits) fitting = middle;
    else tooMuch = middle;
  }
  return at(fitting);
}

function planAt(number: PhaseNumber, host: Host, choices: PhaseChoices, share: number): PhasePlan {
  const phase = phases[number - 1] as Phase;
  const sizes = SIZES[number];
  const between = ({ least, most }: { least: number; most: number }) =>
    roundToSixteen(least + share * (most - least));
  const ofCores = (range: { from: number; to: number }) =>
    Math.min(range.to, Math.max(range.from, Math.floor(host.cores / 2)));

  const isRedisElsewhere = choices.isCacheElsewhere === true && choices.isQueueElsewhere === true;
  const hasRedisCluster = choices.hasRedisCluster || (sizes.hasRedisCluster && !isRedisElsewhere);
  const nodes = choices.hasSecondReplica ? SIZES[3].nodes : sizes.nodes;
  const postgresMemoryBytes = choices.postgresMemoryBytes ?? between(sizes.postgres);
  const redisMaxBytes = choices.redisMaxBytes ?? between(sizes.cacheMaxBytes);
  const redisQueueMaxBytes = choices.redisQueueMaxBytes ?? between(sizes.queueMaxBytes);
  const redisClusterMaxBytes = choices.redisClusterMaxBytes ?? between(sizes.queueMaxBytes);
  const plan = {
    phase,
    appInstances: choices.appInstances ?? ofCores(phase.apps),
    workerInstances: choices.workerInstances ?? ofCores(phase.workers),
    appMemoryBytes: choices.appMemoryBytes ?? PROCESS_MEMORY_BYTES,
    workerMemoryBytes: choices.workerMemoryBytes ?? PROCESS_MEMORY_BYTES,
    postgresMemoryBytes,
    sharedBuffersBytes: roundToSixteen(postgresMemoryBytes * SHARED_BUFFERS_SHARE),
    // All of them: who is idle leaves them to the others.
    postgresCpus: host.cores,
    databaseNodes: choices.isDatabaseElsewhere ? 0 : nodes,
    hasRedisCluster,
    redisMaxBytes,
    redisMemoryBytes: choices.redisMemoryBytes ?? redisMaxBytes * CACHE_CONTAINER_SHARE,
    redisQueueMaxBytes,
    redisQueueMemoryBytes: choices.redisQueueMemoryBytes ?? redisQueueMaxBytes * QUEUE_CONTAINER_SHARE,
    redisClusterMaxBytes,
    redisClusterMemoryBytes: choices.redisClusterMemoryBytes ?? redisClusterMaxBytes * QUEUE_CONTAINER_SHARE,
  };
  const memory = memoryOf(plan, choices);
  const memoryTotalBytes = memory.reduce((sum, { containers, eachBytes }) => sum + containers * eachBytes, 0);
  const memoryAllowedBytes = host.memoryBytes - Math.max(LEAST_KEPT_BYTES, host.memoryBytes * KEPT_SHARE);
  return {
    ...plan,
    memory,
    memoryTotalBytes,
    memoryAllowedBytes,
    fits: memoryTotalBytes <= memoryAllowedBytes,
  };
}

function memoryOf(
  plan: Omit<PhasePlan, 'memory' | 'memoryTotalBytes' | 'memoryAllowedBytes' | 'fits'>,
  choices: PhaseChoices,
): MemoryUse[] {
  const redis: MemoryUse[] = plan.hasRedisCluster
    ? [
        {
          who: 'nodes of the Redis Cluster',
          containers: CLUSTER_NODES,
          eachBytes: plan.redisClusterMemoryBytes,
        },
      ]
    : [];
  // A single server stays for whichever of the two no cluster takes over.
  if (!plan.hasRedisCluster && !choices.isCacheElsewhere)
    redis.push({ who: 'cache', containers: 1, eachBytes: plan.redisMemoryBytes });
  if (!plan.hasRedisCluster && !choices.isQueueElsewhere)
    redis.push({ who: 'queue', containers: 1, eachBytes: plan.redisQueueMemoryBytes });
  return [
    { who: 'apps', containers: plan.appInstances, eachBytes: plan.appMemoryBytes },
    { who: 'workers', containers: plan.workerInstances, eachBytes: plan.workerMemoryBytes },
    ...(plan.databaseNodes > 0
      ? [{ who: 'database nodes', containers: plan.databaseNodes, eachBytes: plan.postgresMemoryBytes }]
      : []),
    ...redis,
    { who: 'everything around them', containers: 1, eachBytes: AROUND_BYTES },
  ];
}

/** Down: what fits must go on fitting. A multiple that both Docker and Postgres can write in whole megabytes. */
function roundToSixteen(bytes: number): number {
  return Math.floor(bytes / (16 * MIB)) * 16 * MIB;
}
