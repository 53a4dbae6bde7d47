/**
 * A settings file as a phase would have it. The phase owns what it has written; what a person has written wins, and is
 * named. So that both can be told apart, the last line of the file, a comment, says what the phase wrote.
 */
import { bytes, ConfigError, type ConfigFault, isOfThisStack } from '@sv-sdk/config';
import { type Host, type PhaseChoices, type PhaseNumber, type PhasePlan, planPhase } from '@sv-sdk/scaling';

const MIB = 1024 ** 2;
const SCALE_FILE = 'docker-compose.scale.yml';
const CLUSTER_PROFILE = 'redis-cluster';
const CLUSTER_URL = 'redis-cluster://redis-cluster:6379';

/** What .env.example gives everybody is nobody's choice. */
export const EXAMPLE_VALUES: Readonly<Record<string, string>> = {
  APP_INSTANCES: '2',
  WORKER_INSTANCES: '2',
};

/** Lists, of which a phase owns no more than one entry. */
const LISTS = {
  COMPOSE_FILE: { separator: ':', entry: SCALE_FILE, first: 'docker-compose.yml' },
  COMPOSE_PROFILES: { separator: ',', entry: CLUSTER_PROFILE, first: undefined },
} as const;

export interface Change {
  readonly name: string;
  /** Undefined: the setting is not there. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** A person's value that a phase would have otherwise. */
export interface Kept {
  readonly name: string;
  readonly value: string;
  readonly planned: string;
}

export interface PhaseSettings {
  /** With what is kept. It may not fit. */
  readonly plan: PhasePlan;
  readonly text: string;
  readonly changes: readonly Change[];
  readonly kept: readonly Kept[];
}

/** What a person has chosen in a settings file. Throws {@link ConfigError} with whatever can't be read. */
function choicesIn(file: string): PhaseChoices {
  const values = valuesIn(file);
  const written = writtenIn(file);
  const faults: ConfigFault[] = [];
  const chosen = (name: string) => (isOwn(name, values, written) ? undefined : values.get(name));
  const read = <Value>(name: string, parse: (value: string) => Value | undefined, expected: string) => {
    const value = chosen(name);
    const parsed = value === undefined ? undefined : parse(value);
    if (value !== undefined && parsed === undefined) faults.push({ name, expected });
    return parsed;
  };
  const size = (name: string) =>
    read(name, (value) => bytes.safeParse(value).data, 'must be a size such as 512m or 1g');
  const instances = (name: string) =>
    read(
      name,
      (value) => (/^[1-9]\d{0,3}$/.test(value) ? Number(value) : undefined),
      'must be a whole number from 1',
    );
  const isSet = (name: string) => values.get(name) !== undefined;
  const isElsewhere = (name: string) => {
    const url = chosen(name);
    return url !== undefined && URL.canParse(url) && !isOfThisStack(url);
  };
  const keeps = (name: keyof typeof LISTS) =>
    entriesOf(name, values).includes(LISTS[name].entry) && !written.has(`${name}+`);

  const choices = {
    appInstances: instances('APP_INSTANCES'),
    workerInstances: instances('WORKER_INSTANCES'),
    appMemoryBytes: size('APP_MEMORY'),
    workerMemoryBytes: size('WORKER_MEMORY'),
    postgresMemoryBytes: size('POSTGRES_MEMORY'),
    redisMaxBytes: size('REDIS_MAXMEMORY'),
    redisMemoryBytes: size('REDIS_MEMORY'),
    redisQueueMaxBytes: size('REDIS_QUEUE_MAXMEMORY'),
    redisQueueMemoryBytes: size('REDIS_QUEUE_MEMORY'),
    redisClusterMaxBytes: size('REDIS_CLUSTER_MAXMEMORY'),
    redisClusterMemoryBytes: size('REDIS_CLUSTER_MEMORY'),
    isDatabaseElsewhere: isSet('DATABASE_URL') || isSet('DATABASE_DIRECT_URL'),
    isCacheElsewhere: isElsewhere('REDIS_URL'),
    isQueueElsewhere: isElsewhere('REDIS_QUEUE_URL'),
    hasSecondReplica: keeps('COMPOSE_FILE'),
    hasRedisCluster: keeps('COMPOSE_PROFILES'),
  };
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.fromEntries(Object.entries(choices).filter(([, value]) => value !== undefined));
}

/** Throws {@link ConfigError} for what can't be read, and for what must be there and only a person can know. */
export function applyPhase(file: string, number: PhaseNumber, host: Host): PhaseSettings {
  const choices = choicesIn(file);
  const plan = planPhase(number, host, choices);
  const values = valuesIn(file);
  const written = writtenIn(file);
  if (number === 3 && choices.isDatabaseElsewhere && !values.get('DATABASE_REPLICA_URL')) {
    throw new ConfigError([
      {
        name: 'DATABASE_REPLICA_URL',
        expected:
          'is missing: the database is elsewhere, and phase 3 reads from two replicas (docs/operations/managed-services.md)',
      },
    ]);
  }
  const planned = ownedSettings(plan, choices);
  // What it would be if nobody had chosen a size.
  const undisturbed = ownedSettings(planPhase(number, host, placesIn(choices)), choices);
  const next = new Map(values);
  const record = new Map<string, string>();
  const kept: Kept[] = [];
  for (const [name, value] of planned) {
    const present = values.get(name);
    if (present !== undefined && !isOwn(name, values, written)) {
      const otherwise = undisturbed.get(name) ?? value;
      if (present !== otherwise) kept.push({ name, value: present, planned: otherwise });
      continue;
    }
    next.set(name, value);
    record.set(name, value);
  }
  // What an earlier phase wrote and this one doesn't have.
  for (const name of written.keys()) {
    if (!name.endsWith('+') && !planned.has(name) && isOwn(name, values, written)) next.delete(name);
  }
  for (const name of Object.keys(LISTS) as (keyof typeof LISTS)[]) {
    const isWanted = number === 3 && (name === 'COMPOSE_FILE' || plan.hasRedisCluster);
    applyToList(name, isWanted, { values, written, next, record, kept });
  }
  const changes = [...new Set([...values.keys(), ...next.keys()])].flatMap((name): Change[] => {
    const [from, to] = [values.get(name), next.get(name)];
    return from === to ? [] : [{ name, from, to }];
  });
  return { plan, text: write(file, changes, recordLine(number, record)), changes, kept };
}

/** Where things are, without how large somebody wants them. */
function placesIn(choices: PhaseChoices): PhaseChoices {
  return Object.fromEntries(Object.entries(choices).filter(([name]) => /^(?:is|has)[A-Z]/.test(name)));
}

/** What a phase writes. The pools are not among it: `make up` computes them of these (connection-plan.ts). */
function ownedSettings(plan: PhasePlan, choices: PhaseChoices): Map<string, string> {
  const megabytes = (count: number, unit: string) => `${Math.floor(count / MIB)}${unit}`;
  const settings = new Map([
    ['APP_INSTANCES', String(plan.appInstances)],
    ['WORKER_INSTANCES', String(plan.workerInstances)],
    ['APP_MEMORY', megabytes(plan.appMemoryBytes, 'm')],
    ['WORKER_MEMORY', megabytes(plan.workerMemoryBytes, 'm')],
  ]);
  if (plan.databaseNodes > 0) {
    settings.set('POSTGRES_MEMORY', megabytes(plan.postgresMemoryBytes, 'm'));
    settings.set('POSTGRES_SHARED_BUFFERS', megabytes(plan.sharedBuffersBytes, 'MB'));
    settings.set('POSTGRES_CPUS', String(plan.postgresCpus));
  }
  if (plan.hasRedisCluster) {
    settings.set('REDIS_CLUSTER_MAXMEMORY', megabytes(plan.redisClusterMaxBytes, 'mb'));
    settings.set('REDIS_CLUSTER_MEMORY', megabytes(plan.redisClusterMemoryBytes, 'm'));
    if (!choices.isCacheElsewhere) settings.set('REDIS_URL', CLUSTER_URL);
    if (!choices.isQueueElsewhere) settings.set('REDIS_QUEUE_URL', CLUSTER_URL);
    return settings;
  }
  if (!choices.isCacheElsewhere) {
    settings.set('REDIS_MAXMEMORY', megabytes(plan.redisMaxBytes, 'mb'));
    settings.set('REDIS_MEMORY', megabytes(plan.redisMemoryBytes, 'm'));
  }
  if (!choices.isQueueElsewhere) {
    settings.set('REDIS_QUEUE_MAXMEMORY', megabytes(plan.redisQueueMaxBytes, 'mb'));
    settings.set('REDIS_QUEUE_MEMORY', megabytes(plan.redisQueueMemoryBytes, 'm'));
  }
  return settings;
}

function applyToList(
  name: keyof typeof LISTS,
  isWanted: boolean,
  to: {
    values: Map<string, string>;
    written: ReadonlyMap<string, string>;
    next: Map<string, string>;
    record: Map<string, string>;
    kept: Kept[];
  },
): void {
  const { separator, entry, first } = LISTS[name];
  const entries = entriesOf(name, to.values);
  const isThere = entries.includes(entry);
  const isOurs = to.written.has(`${name}+`);
  if (isWanted && (!isThere || isOurs)) to.record.set(`${name}+`, entry);
  if (isWanted && !isThere) {
    const before = entries.length === 0 && first !== undefined ? [first] : entries;
    to.next.set(name, [...before, entry].join(separator));
  }
  if (!isWanted && isThere && isOurs) {
    const rest = entries.filter((other) => other !== entry);
    if (rest.length > 0) to.next.set(name, rest.join(separator));
    else to.next.delete(name);
  }
  if (!isWanted && isThere && !isOurs) {
    to.kept.push({ name, value: to.values.get(name) as string, planned: `without ${entry}` });
  }
}

function entriesOf(name: keyof typeof LISTS, values: ReadonlyMap<string, string>): string[] {
  return (values.get(name) ?? '').split(LISTS[name].separator).filter(Boolean);
}

/** A phase's or the example's, and not a person's. */
function isOwn(
  name: string,
  values: ReadonlyMap<string, string>,
  written: ReadonlyMap<string, string>,
): boolean {
  const value = values.get(name);
  return value === undefined || value === written.get(name) || value === EXAMPLE_VALUES[name];
}

/** As Compose reads it, as far as these settings go; a blank one counts as unset. */
function valuesIn(file: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of file.split(/\r?\n/)) {
    const [, name, raw = ''] = /^([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const value = raw.trim().replace(/^(["'])(.*)\1$/, '$2');
    if (value !== '') values.set(name, value);
  }
  return values;
}

const RECORD = /^# phase [1-3] wrote: ?(.*)$/;

function recordLine(number: PhaseNumber, record: ReadonlyMap<string, string>): string {
  return `# phase ${number} wrote: ${[...record].map(([name, value]) => `${name}=${value}`).join(' ')}`;
}

function writtenIn(file: string): Map<string, string> {
  const record = file.split(/\r?\n/).flatMap((line) => RECORD.exec(line)?.[1] ?? []);
  return new Map(
    record
      .join(' ')
      .split(' ')
      .filter((pair) => pair.includes('='))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

/** A line that is there changes in its place; the others, and the comments, stay as they are. */
function write(file: string, changes: readonly Change[], record: string): string {
  const open = new Map(changes.map(({ name, to }) => [name, to]));
  const lines = file.split('\n').flatMap((line) => {
    if (RECORD.test(line.trimEnd())) return [];
    const name = /^([A-Za-z_]\w*)=/.exec(line)?.[1];
    if (name === undefined || !open.has(name)) return [line];
    const value = open.get(name);
    open.delete(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  while (lines.at(-1) === '') lines.pop();
  const added = [...open].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return `${[...lines, ...added, record].join('\n')}\n`;
}
