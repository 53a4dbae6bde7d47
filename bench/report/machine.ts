/** What the figures were measured on, and of what. */
import { arch, cpus, release, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { repository } from '../../test/e2e/stack.ts';
import { run, runOrThrow } from '../../test/harness/run.ts';
import { createRecorder } from '../load/run.ts';

export interface Machine {
  readonly rows: readonly (readonly [what: string, is: string])[];
  /** See {@link describeSteadiness}; another one each time. */
  readonly steadiness: string;
}

const STEADINESS_SECONDS = 10;
/** A third of a millisecond or so: long enough for the clock, short enough to fall into a gap as a request does. */
const ARITHMETIC_STEPS = 300_000;
const STEADINESS_PAUSE_MS = 10;

/**
 * The same arithmetic, again and again, while nothing else runs. A machine that is one's own takes the same time for it; a
 * virtual one may be slowed or halted from outside now and then, without a word to the guest, and no p99 can be below that.
 */
async function describeSteadiness(): Promise<string> {
  const recorder = createRecorder();
  const deadline = performance.now() + STEADINESS_SECONDS * 1000;
  let seed = 1;
  const calculate = () => {
    let value = seed;
    for (let step = 0; step < ARITHMETIC_STEPS; step += 1)
      value = (Math.imul(value, 1_103_515_245) + 12_345) | 0;
    seed = value;
  };
  for (let warmUp = 0; warmUp < 100; warmUp += 1) calculate();
  while (performance.now() < deadline) {
    const startedAtMs = performance.now();
    calculate();
    recorder.record(performance.now() - startedAtMs);
    await delay(STEADINESS_PAUSE_MS);
  }
  const { p50Ms, p95Ms, p99Ms, maxMs } = recorder.latency();
  const inMs = [p50Ms, p95Ms, p99Ms, maxMs].map((ms) => ms.toFixed(2));
  return `p50 ${inMs[0]}, p95 ${inMs[1]}, p99 ${inMs[2]}, at most ${inMs[3]} ms`;
}

/** The commit that is measured, and whether that is all. */
export async function describeCheckout(): Promise<string> {
  // The checkout is mounted into the tests' container, where it belongs to another user.
  const git = (...args: string[]) =>
    runOrThrow('git', ['-c', `safe.directory=${repository}`, '-C', repository, ...args]);
  const commit = (await git('rev-parse', '--short=12', 'HEAD')).stdout.trim();
  const isClean = (await git('status', '--porcelain', '--untracked-files=no')).stdout.trim() === '';
  return isClean ? commit : `${commit}, with changes that are not committed`;
}

export async function describeMachine(): Promise<Machine> {
  const steadiness = await describeSteadiness();
  const engine = (await runOrThrow('docker', ['version', '--format', '{{.Server.Version}}'])).stdout.trim();
  const version = process.env['SV_VERSION'] || 'dev';
  const inImage = async (image: string, ...command: string[]) => {
    const [entrypoint = '', ...args] = command;
    const docker = ['run', '--rm', '--entrypoint', entrypoint, `sv-sdk/${image}:${version}`, ...args];
    const { exitCode, output } = await run('docker', docker);
    return exitCode === 0 ? (output.trim().split('\n')[0] ?? '') : 'its image is not there';
  };
  const rows = [
    ['processor', `${cpus().length} × ${cpus()[0]?.model.trim() || 'of an unknown kind'} (${arch()})`],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ['kernel', release()],
    ['Docker Engine', engine],
    ['Node', process.version],
    [
      'Postgres',
      await inImage(
        'postgres',
        'sh',
        '-c',
        '/usr/lib/postgresql/*/bin/postgres --version || postgres --version',
      ),
    ],
    ['PgBouncer', await inImage('pgbouncer', 'pgbouncer', '--version')],
    ['Redis', await inImage('redis', 'redis-server', '--version')],
    ['nginx', await inImage('nginx', 'nginx', '-v')],
  ] as const;
  return { rows, steadiness };
}
