/** What to do about a trigger that fires: a sentence, and the command as it is typed. */
import type { Phase, ServiceRules, Trigger } from '@sv-sdk/scaling';

export interface Advice {
  readonly because: string;
  /** In the project's folder; undefined: there is none for it. */
  readonly command?: string;
}

export interface Platform {
  readonly apps: number;
  readonly workers: number;
  readonly replicas: number;
  readonly cacheMaxBytes: number;
  readonly queueMaxBytes: number;
  readonly isAutoscaled: boolean;
}

export interface Fired {
  /** Of the trigger, or of the rule's figure with its direction, such as cpuUp. */
  readonly name: string;
  readonly part: Trigger['part'];
  readonly figure: number;
  readonly threshold: number;
}

/** Those of which twice the instances halve the figure. */
const SHARED = new Set(['cpuUp', 'depthUp', 'queueDepth', 'workerCpu']);

export function adviseOn(fired: Fired, platform: Platform, rules: readonly ServiceRules[]): Advice[] {
  switch (fired.name) {
    case 'errorRate':
      return [
        {
          because: 'More apps do not mend errors: docs/runbooks/app-error-rate-high.md.',
          command: 'make logs SERVICE=app',
        },
      ];
    case 'databaseCpu':
      return [
        {
          because:
            'The database nears the end of its CPU: slow statements, or more of it by POSTGRES_CPUS in .env (docs/runbooks/database-cpu-high.md).',
          command: 'make doctor',
        },
      ];
    case 'hostMemory':
      return [
        {
          because: 'The host is full: a larger machine, or less on it (docs/runbooks/scale-host-memory.md).',
        },
      ];
    case 'reads':
      return platform.replicas > 0
        ? [
            {
              because: `Most requests only read, and ${platform.replicas} replica(s) take those reads already.`,
            },
          ]
        : [
            {
              because: 'Most requests only read, and no replica streams that could take them.',
              command: 'docker compose up -d postgres-replica',
            },
          ];
    case 'connections':
      return [{ because: 'Postgres runs out of connections: docs/runbooks/database-connections-high.md.' }];
    case 'poolClients':
      return [
        { because: 'PgBouncer runs out of client connections: docs/runbooks/pgbouncer-clients-high.md.' },
      ];
    case 'cacheMemory':
      return [moreMemory('The cache is full and evicts', 'REDIS', platform.cacheMaxBytes)];
    case 'queueMemory':
      return [moreMemory('The queue is full', 'REDIS_QUEUE', platform.queueMaxBytes)];
    case 'redisData':
      return [
        {
          because: 'Past 50 GB the guide has a Redis Cluster, which comes with phase 3:',
          command: 'make up PHASE=3',
        },
      ];
    default:
      return more(fired, platform, rules);
  }
}

function more(fired: Fired, platform: Platform, rules: readonly ServiceRules[]): Advice[] {
  const rule = rules.find(({ service }) => service === fired.part);
  if (rule === undefined) throw new Error(`no advice is known for ${fired.name}`);
  const running = runningOf(rule, platform);
  const called = SHARED.has(fired.name) ? Math.ceil((running * fired.figure) / fired.threshold) : running + 1;
  const due = Math.min(rule.max, Math.max(called, running + 1));
  if (due <= running)
    return [{ because: `${running} of ${rule.service} run, the most there should be: a larger machine.` }];
  const because = platform.isAutoscaled
    ? `More of ${rule.service} are due; the autoscaler sees to it, or run:`
    : `More of ${rule.service} are due (${due} instead of ${running}):`;
  return [{ because, command: scaleCommand(rule.service, due) }];
}

/** Where all that the guide asks for has lasted; nothing where the least run. */
export function fewer(rule: ServiceRules, platform: Platform): Advice[] {
  const running = runningOf(rule, platform);
  if (running <= rule.min) return [];
  return [
    {
      because: `There is little to do for ${running} of ${rule.service}; one fewer will do:`,
      command: scaleCommand(rule.service, running - 1),
    },
  ];
}

const runningOf = (rule: ServiceRules, platform: Platform) =>
  rule.service === 'app' ? platform.apps : platform.workers;

const scaleCommand = (service: ServiceRules['service'], instances: number) =>
  `make scale ${service.toUpperCase()}=${instances}`;

/** Twice as much, in the setting's own form; a container's limit must stay above it. */
function moreMemory(what: string, name: 'REDIS' | 'REDIS_QUEUE', maxBytes: number): Advice {
  const mebibytes = Math.max(1, Math.round((2 * maxBytes) / 1024 ** 2));
  const limit = name === 'REDIS' ? 2 * mebibytes : Math.ceil(2.5 * mebibytes);
  return {
    because: `${what}: put ${name}_MAXMEMORY=${mebibytes}mb and ${name}_MEMORY=${limit}m into .env, then:`,
    command: 'make up',
  };
}

/** Where more people use it than what runs is meant for. */
export function phaseAdvice(phase: { running: Phase; users: Phase | undefined }): Advice[] {
  const { users, running } = phase;
  if (users === undefined || users.number <= running.number) return [];
  const because = `For so many users the guide has phase ${users.number}: ${users.apps.from} apps, ${users.workers.from} workers and ${users.replicas} read replicas${users.number === 4 ? ', on more than one machine' : ''}.`;
  // The phase is looked at before anything changes: make up DRY_RUN=1, and 4 only says what it needs.
  return [{ because, command: `make up PHASE=${users.number}` }];
}
