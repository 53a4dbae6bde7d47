/**
 * `make bench` and `make bench-quick`: every measurement on a stack of its own, and the report.
 *
 *   node bench/run.ts [--quick] [--only list,email]
 *
 * Each measurement is a script that can be run by itself; what it finds it tells this one by messages (figures.ts). Those of
 * `--only` take the place of their own in the report that is there, if that is of the same machine and as long rounds.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createProgress } from '../apps/cli/src/progress.ts';
import { repository } from '../test/e2e/stack.ts';
import type { Told } from './figures.ts';
import { STACK_RUNS, startOwnStack } from './own-stack.ts';
import { describeCheckout, describeMachine } from './report/machine.ts';
import { type BenchRecord, type Measured, renewed } from './report/record.ts';
import { readRecord, writeReport } from './report/write.ts';

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});

interface Measurement {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  /** Undefined: too long for `make bench-quick`. */
  readonly quickArgs: readonly string[] | undefined;
  /** Has servers of its own: it runs once the stack is gone, so that nothing else does. */
  readonly isApart?: boolean;
}

const onStack = (part: string, quickArgs?: readonly string[]): Measurement => ({
  name: part,
  script: 'platform-load.ts',
  args: ['--parts', part],
  quickArgs: quickArgs && ['--parts', part, '--rounds', '3', ...quickArgs],
});

const MEASUREMENTS: readonly Measurement[] = [
  onStack('list', ['--seconds', '2']),
  onStack('hello', ['--seconds', '1']),
  { name: 'edge', script: 'edge-cost.ts', args: [], quickArgs: ['--rounds', '3', '--requests', '500'] },
  { name: 'tls', script: 'tls-cost.ts', args: [], quickArgs: undefined },
  onStack('users', ['--seconds', '3']),
  onStack('knee', ['--seconds', '3', '--knees', '1']),
  onStack('native'),
  onStack('instances'),
  onStack('memory'),
  {
    name: 'permissions',
    script: 'permission-check.ts',
    args: [],
    quickArgs: ['--users', '1000', '--checks', '20000'],
    isApart: true,
  },
  {
    name: 'email',
    script: 'email-throughput.ts',
    args: ['--rounds', '3'],
    quickArgs: ['--rounds', '3', '--emails', '2000'],
    isApart: true,
  },
  { name: 'email-memory', script: 'email-memory.ts', args: [], quickArgs: undefined, isApart: true },
  { name: 'data-size', script: 'data-size.ts', args: [], quickArgs: undefined, isApart: true },
];

const chosen = MEASUREMENTS.filter(
  ({ name, quickArgs }) =>
    (flags.only === undefined || flags.only.split(',').includes(name)) &&
    (!flags.quick || quickArgs !== undefined),
);
if (chosen.length === 0) {
  throw new Error(`--only: some of ${MEASUREMENTS.map(({ name }) => name).join(', ')} are expected`);
}

const logs = join(repository, '.build', 'bench');
mkdirSync(logs, { recursive: true });
const progress = createProgress();
const measurements: Measured[] = [];
const show = (what: string) => progress.update(`${what.padEnd(14)}`, measurements.length, chosen.length);

const machine = await describeMachine();
const commit = await describeCheckout();
const [withStack, apart] = [
  chosen.filter(({ isApart }) => !isApart),
  chosen.filter(({ isApart }) => isApart),
];
if (withStack.length > 0) {
  await using stack = new AsyncDisposableStack();
  removeAtSignal(stack);
  show('the stack');
  await startOwnStack(stack);
  for (const measurement of withStack) await measure(measurement);
  show('its removal');
}
for (const measurement of apart) await measure(measurement);
progress.end();

const found: BenchRecord = { isQuick: flags.quick, machine, measurements };
const kept = flags.only === undefined ? undefined : readRecord();
const names = MEASUREMENTS.map(({ name }) => name);
const report = await writeReport(renewed(kept, found, names));
process.stdout.write(`${report.summary}\n\nThe report: ${report.path}\n`);
// What could not be measured stands in the report; a run with a hole in it is no good run.
if (measurements.some(({ failure }) => failure !== undefined)) process.exitCode = 1;

/** One that fails is reported, and the others go on: hours of figures must not hang on it. */
async function measure({ name, script, args, quickArgs }: Measurement): Promise<void> {
  const chosenArgs = (flags.quick ? quickArgs : args) ?? [];
  const date = new Date().toISOString().slice(0, 10);
  const told: Told[] = [];
  const log = createWriteStream(join(logs, `${name}.log`));
  const child = fork(join(import.meta.dirname, script), [...chosenArgs], {
    env: { ...process.env, [STACK_RUNS]: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  child.on('message', (message) => told.push(message as Told));
  const ticks = setInterval(() => show(name), 100);
  // The second one once its last message has been read.
  const [[exitCode, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  clearInterval(ticks);
  const failure =
    exitCode === 0
      ? undefined
      : `${name} ended with ${exitCode ?? signal}; what it said is in .build/bench/${name}.log`;
  measurements.push({
    name,
    command: ['node', `bench/${script}`, ...chosenArgs].join(' '),
    date,
    commit,
    failure,
    told,
  });
}

function removeAtSignal(stack: AsyncDisposableStack): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stack.disposeAsync().finally(() => process.exit(1)));
  }
}
