import { loadConfig } from '@sv-sdk/config';
import { userCounts } from '@sv-sdk/db';
import {
  type Condition,
  createPrometheus,
  type Figure,
  hasHeld,
  isBeyond,
  type Phase,
  type Prometheus,
  phaseOfUsers,
  phaseOfWhatRuns,
  RULE_SETTINGS,
  rulesFrom,
  type ServiceRules,
  type Trigger,
  triggers,
} from '@sv-sdk/scaling';
import type { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { columns, ExitCode, print } from '../output.ts';
import { withDatabase } from '../platform.ts';
import { type Advice, adviseOn, fewer, type Platform, phaseAdvice } from './advice.ts';

/** So near to a threshold that it is worth saying: four fifths of the way. */
const NEAR_RATIO = 0.8;

type State = 'fires' | 'near' | 'fine' | 'idle' | 'unknown';

interface Row {
  readonly name: string;
  readonly part: Trigger['part'];
  readonly label: string;
  readonly unit: Trigger['unit'];
  /** Undefined: there is no figure. */
  readonly figure: number | undefined;
  readonly threshold: number;
  readonly is: 'above' | 'below';
  readonly state: State;
  /** More than the figure says: how long, or why there is none. */
  readonly note: string | undefined;
}

export function addAdviseCommand(program: Command): void {
  program
    .command('advise')
    .description(
      "every trigger of the scaling guide that fires or comes near, the platform's phase, and what to run; exit code 1 if one fires",
    )
    .option('--all', 'also what is fine')
    .option('--json', 'print JSON')
    .action(advise);
}

async function advise(options: { all?: boolean; json?: boolean }): Promise<void> {
  const config = loadConfig([...RULE_SETTINGS, 'PROMETHEUS_URL']);
  const prometheus = createPrometheus(config.PROMETHEUS_URL);
  const rules = rulesFrom(config);
  const rows = [
    ...(await Promise.all(rules.flatMap((rule) => rowsOfRules(prometheus, rule)))),
    ...(await Promise.all(triggers.map((trigger) => rowOf(prometheus, trigger)))),
  ];
  const platform = await readPlatform(prometheus);
  const users = await countUsers();
  const phase = {
    running: phaseOfWhatRuns(platform),
    users: users.count === undefined ? undefined : phaseOfUsers(users.count),
  };
  const advice: Advice[] = [
    ...rows.flatMap(({ state, figure, ...row }) =>
      state === 'fires' && figure !== undefined ? adviseOn({ ...row, figure }, platform, rules) : [],
    ),
    ...rules.filter((rule) => isIdle(rule, rows)).flatMap((rule) => fewer(rule, platform)),
    ...phaseAdvice(phase),
  ];
  const unique = [...new Map(advice.map((one) => [one.because + one.command, one])).values()];
  const isFine = rows.every(({ state }) => state !== 'fires');
  print(
    {
      text: describe(rows, { ...options, platform, users, phase, advice: unique }),
      json: {
        ok: isFine,
        phase: {
          byUsers: phase.users?.number ?? null,
          byInstances: phase.running.number,
          users: users.count ?? null,
          ...platform,
        },
        triggers: rows.map(({ figure, note, ...row }) => ({
          ...row,
          figure: figure ?? null,
          note: note ?? null,
        })),
        advice: unique,
      },
    },
    options.json ?? false,
  );
  if (!isFine) process.exitCode = ExitCode.failed;
}

/** The rules that the autoscaler acts by: what calls for more, each by itself, and what allows fewer, all together. */
function rowsOfRules(prometheus: Prometheus, rules: ServiceRules): Promise<Row>[] {
  const ups = rules.up.map((condition) => rowOfRule(prometheus, rules, condition, rules.upSeconds));
  const downs = rules.down.map((condition) => rowOfRule(prometheus, rules, condition, rules.downSeconds));
  return [...ups, ...downs];
}

async function rowOfRule(
  prometheus: Prometheus,
  { service }: ServiceRules,
  condition: Condition,
  seconds: number,
): Promise<Row> {
  const { figure, is, threshold } = condition;
  const samples = await prometheus.samples(figure.series, seconds);
  const newest = samples.at(-1)?.value;
  const finding = hasHeld(samples, condition, { nowSeconds: Date.now() / 1000, forSeconds: seconds });
  const isNow = newest !== undefined && isBeyond(newest, condition);
  const row = {
    name: nameOf(condition),
    part: service,
    label: figure.label,
    unit: figure.unit,
    threshold,
    is,
  };
  if (finding.state === 'unknown' && !isNow)
    return { ...row, figure: newest, state: 'unknown', note: finding.why };
  // The one of the window that came nearest to not holding.
  if (finding.state === 'holds')
    return {
      ...row,
      figure: finding.value,
      state: is === 'above' ? 'fires' : 'idle',
      note: `for ${seconds} s`,
    };
  const note = isNow ? `not for ${seconds} s yet` : undefined;
  if (is === 'below') return { ...row, figure: newest, state: 'fine', note };
  return { ...row, figure: newest, state: isNow || isNear(newest, threshold) ? 'near' : 'fine', note };
}

/** All that allows fewer holds, and nothing calls for more or comes near it. */
function isIdle({ service, up, down }: ServiceRules, rows: readonly Row[]): boolean {
  const stateOf = (condition: Condition) =>
    rows.find(({ name, part }) => part === service && name === nameOf(condition))?.state;
  return (
    down.every((condition) => stateOf(condition) === 'idle') &&
    up.every((condition) => stateOf(condition) === 'fine')
  );
}

const nameOf = ({ figure, is }: Condition) => `${figure.name}${is === 'above' ? 'Up' : 'Down'}`;

async function rowOf(prometheus: Prometheus, trigger: Trigger): Promise<Row> {
  const { name, part, label, unit, threshold, expression } = trigger;
  const found = await prometheus.value(expression);
  const figure = found === undefined || Number.isNaN(found) ? undefined : found;
  const row = { name, part, label, unit, threshold, is: 'above' as const, figure };
  if (figure === undefined) {
    return trigger.isFineWhenAbsent
      ? { ...row, state: 'fine', note: 'too little happens to speak of it' }
      : { ...row, state: 'unknown', note: 'Prometheus has no figure' };
  }
  if (figure > threshold) return { ...row, state: 'fires', note: undefined };
  return { ...row, state: isNear(figure, threshold) ? 'near' : 'fine', note: undefined };
}

const isNear = (figure: number | undefined, threshold: number) =>
  figure !== undefined && figure >= threshold * NEAR_RATIO;

async function readPlatform(prometheus: Prometheus): Promise<Platform> {
  const count = async (expression: string) => (await prometheus.value(expression)) ?? 0;
  const [apps, workers, replicas, cacheMaxBytes, queueMaxBytes, autoscalers] = await Promise.all([
    count('sum(up{job="app"})'),
    count('sum(up{job="worker"})'),
    count('count(pg_stat_replication_pg_wal_lsn_diff{state="streaming"})'),
    count('max(redis_memory_max_bytes{role="cache"})'),
    count('max(redis_memory_max_bytes{role="queue"})'),
    count('sum(up{job="autoscaler"})'),
  ]);
  return { apps, workers, replicas, cacheMaxBytes, queueMaxBytes, isAutoscaled: autoscalers > 0 };
}

/** Advice without a database is worth having: it may be what is in trouble. */
async function countUsers(): Promise<{ count: number | undefined; note: string | undefined }> {
  try {
    const rows = await withDatabase((db) =>
      db
        .write()
        .select({ users: sql<number>`coalesce(sum(${userCounts.live}), 0)`.mapWith(Number) })
        .from(userCounts),
    );
    return { count: rows[0]?.users ?? 0, note: undefined };
  } catch (error) {
    return { count: undefined, note: error instanceof Error ? error.message : String(error) };
  }
}

function describe(
  rows: readonly Row[],
  about: {
    all?: boolean;
    platform: Platform;
    users: { count: number | undefined; note: string | undefined };
    phase: { running: Phase; users: Phase | undefined };
    advice: readonly Advice[];
  },
): string {
  const { platform, users, phase, advice } = about;
  const shown = rows.filter(({ state }) => about.all || !['fine', 'idle'].includes(state));
  const table = columns(
    ['part', 'trigger', 'figure', 'limit', 'state', ''],
    shown.map((row) => [
      row.part,
      row.label,
      row.figure === undefined ? '-' : say(row.figure, row.unit),
      `${row.is === 'above' ? '>' : '<'} ${say(row.threshold, row.unit)}`,
      row.state,
      row.note ?? '',
    ]),
  );
  const byUsers =
    phase.users === undefined
      ? `unknown by users (${users.note})`
      : `phase ${phase.users.number} (${phase.users.name}) by its ${count(users.count ?? 0, 'user')}`;
  return [
    `Runs as phase ${phase.running.number} (${phase.running.name}): ${count(platform.apps, 'app')}, ${count(platform.workers, 'worker')}, ${count(platform.replicas, 'replica')}${platform.isAutoscaled ? ', autoscaled' : ''}; ${byUsers}.`,
    '',
    shown.length === 0 ? `None of ${rows.length} triggers fires or comes near.` : table,
    '',
    advice.length === 0
      ? 'Nothing to do.'
      : advice
          .map(({ because, command }) => `${because}${command === undefined ? '' : `\n    ${command}`}`)
          .join('\n'),
  ].join('\n');
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;

function say(value: number, unit: Figure['unit'] | Trigger['unit']): string {
  switch (unit) {
    case 'ratio':
      return `${Math.round(value * 100)} %`;
    case 'seconds':
      return value < 10 ? `${Math.round(value * 1000)} ms` : `${Math.round(value)} s`;
    case 'bytes':
      return `${(value / 1024 ** 2).toFixed(value < 1024 ** 3 ? 1 : 0)} MiB`;
    case 'emails':
      return String(Math.round(value * 10) / 10);
  }
}
