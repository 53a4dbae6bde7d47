import { cpus, totalmem } from 'node:os';
import { type ConnectionPlan, connectionPlan } from '@sv-sdk/config';
import { type Host, type PhaseNumber, type PhasePlan, phases } from '@sv-sdk/scaling';
import type { Command } from 'commander';
import { columns, print, UsageError } from '../output.ts';
import { applyPhase, type PhaseSettings } from '../phase-settings.ts';
import { readInput } from '../prompt.ts';

export function addPhaseCommand(config: Command): void {
  config
    .command('phase')
    .description(
      "the scaling guide's phase 1, 2 or 3, sized for this machine; exit code 1 if it does not fit",
    )
    .argument('<number>', '1, 2 or 3; 4 says what it needs')
    .option('--env', 'read a settings file from standard input, and print it as the phase would have it')
    .option('--json', 'print JSON')
    .action(run);
}

/** The host can't carry the phase: what it needs, what there is, and what would fit. */
export class PhaseError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PhaseError';
  }
}

async function run(argument: string, options: { env?: boolean; json?: boolean }): Promise<void> {
  if (argument === '4') throw new PhaseError(PHASE_4);
  if (!/^[123]$/.test(argument))
    throw new UsageError(`phase ${argument}: 1, 2 or 3 is expected; 4 says what it needs`);
  const number = Number(argument) as PhaseNumber;
  // Inside of a container both figures are the engine's machine's.
  const host: Host = { cores: cpus().length, memoryBytes: totalmem() };
  const file = options.env ? `${await readInput()}\n` : '';
  const applied = applyPhase(file, number, host);
  const { plan } = applied;
  if (!plan.fits) {
    const fitting = ([3, 2, 1] as const).find(
      (lower) => lower < number && applyPhase(file, lower, host).plan.fits,
    );
    throw new PhaseError(tellTooLarge(plan, fitting));
  }
  const told = tellPhase(plan, host, connectionsOf(plan, host), options.env ? applied : undefined);
  if (options.env) {
    process.stderr.write(`${told}\n`);
    process.stdout.write(applied.text);
    return;
  }
  print({ text: told, json: { ok: true, ...plan, changes: applied.changes } }, options.json ?? false);
}

/** As `make up` will compute it of these settings; what a person has chosen of the pools is not known here. */
function connectionsOf(plan: PhasePlan, host: Host): ConnectionPlan {
  return connectionPlan({
    ...host,
    postgresCpus: plan.postgresCpus,
    postgresMemoryBytes: plan.postgresMemoryBytes,
    sharedBuffersBytes: plan.sharedBuffersBytes,
    spindles: 1,
    replicas: Math.max(1, plan.databaseNodes - 1),
    appInstances: plan.appInstances,
    workerInstances: plan.workerInstances,
    isPooled: true,
    chosen: {},
  });
}

export function tellPhase(
  plan: PhasePlan,
  host: Host,
  connections: ConnectionPlan,
  applied: PhaseSettings | undefined,
): string {
  const { phase } = plan;
  const processes = plan.appInstances + plan.workerInstances;
  return [
    `Phase ${phase.number} (${phase.name}, under ${phase.users.toLocaleString('en')} users) on ${host.cores} cores and ${mebibytes(host.memoryBytes)} MiB:`,
    tellMemory(plan),
    ...(plan.databaseNodes === 0
      ? []
      : [
          `Pools of ${connections.poolSize} connections; ${connections.maxClientConnections} clients of PgBouncer, ${connections.maxConnections} connections to Postgres.`,
        ]),
    ...(host.cores < phase.apps.from
      ? [
          `${processes} processes share ${host.cores} cores: they bear the loss of one, and are no faster than fewer would be.`,
        ]
      : []),
    ...(applied === undefined ? [] : [tellChanges(applied)]),
    ...(phase.number === 3
      ? [`What comes after it is more than one machine: make up PHASE=4 says what it needs.`]
      : []),
  ].join('\n\n');
}

function tellMemory(plan: PhasePlan): string {
  return columns(
    ['memory of', 'containers', 'MiB each', 'MiB'],
    [
      ...plan.memory.map(({ who, containers, eachBytes }) => [
        who,
        String(containers),
        String(mebibytes(eachBytes)),
        String(mebibytes(containers * eachBytes)),
      ]),
      ['together', '', '', String(mebibytes(plan.memoryTotalBytes))],
      ['allowed on this host', '', '', String(mebibytes(plan.memoryAllowedBytes))],
    ],
  );
}

function tellChanges({ changes, kept }: PhaseSettings): string {
  const changed =
    changes.length === 0
      ? 'The settings have all of it already.'
      : columns(
          ['setting', 'from', 'to'],
          changes.map(({ name, from, to }) => [name, from ?? '-', to ?? '-']),
        );
  if (kept.length === 0) return changed;
  const yours = columns(
    ['yours, so it stays', 'is', 'the phase has'],
    kept.map(({ name, value, planned }) => [name, value, planned]),
  );
  return `${changed}\n\n${yours}`;
}

function tellTooLarge(plan: PhasePlan, fitting: PhaseNumber | undefined): string {
  const { phase, memoryTotalBytes, memoryAllowedBytes } = plan;
  const instead =
    fitting === undefined
      ? 'No lower phase fits with these settings.'
      : `What fits is phase ${fitting}: make up PHASE=${fitting}`;
  return (
    `Phase ${phase.number} does not fit on this host: at the least it takes ${mebibytes(memoryTotalBytes)} MiB of memory, and ${mebibytes(memoryAllowedBytes)} MiB are allowed.\n\n` +
    `${tellMemory(plan)}\n\n${instead}`
  );
}

const mebibytes = (bytes: number) => Math.round(bytes / 1024 ** 2);

const { apps, workers } = phases[3];
const PHASE_4 = `Phase 4 (from ${phases[2].users.toLocaleString('en')} users) is more than one machine, so nothing was changed. It needs:

  - ${apps.from} apps or more and ${workers.from} workers or more, on several machines behind a load balancer of the cloud;
  - a database cluster over several zones: DATABASE_URL, DATABASE_DIRECT_URL and DATABASE_REPLICA_URL;
  - a Redis Cluster with shards: REDIS_URL and REDIS_QUEUE_URL=redis-cluster://…;
  - a CDN for static files, and for several regions a database and a stack in each.

All of these are settings, and what they name is left out here: docs/operations/managed-services.md, docs/operations/scaling.md`;
