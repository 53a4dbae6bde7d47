import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Devtools, openDevtools } from '../devtools.ts';
import { wholeNumber } from '../options.ts';

const INSPECTOR_URL = 'http://127.0.0.1:9229/json';
const OPEN_LIMIT_MS = 10_000;
const CLOSE_AFTER_MS = 500;
/** V8's default. Shorter ones cost the process more than they tell. */
const SAMPLING_INTERVAL_MICROSECONDS = 1_000;

const PID = [
  '--pid <pid>',
  "of the process (default: the container's own)",
  wholeNumber(1, 2 ** 22),
] as const;

export function addInspectCommands(program: Command): void {
  const inspect = program
    .command('inspect')
    .description(
      'the Node process that this container runs: make profile and make heap-snapshot run it beside an app or a worker',
    );
  inspect
    .command('profile')
    .description('where its processor time goes, as a .cpuprofile on standard output')
    .option('--seconds <seconds>', 'for how long', wholeNumber(1, 600), 30)
    .option(...PID)
    .action(({ seconds, pid }: { seconds: number; pid?: number }) =>
      withProcess(pid, (devtools) => profile(devtools, seconds)),
    );
  inspect
    .command('heap-snapshot')
    .description(
      'what its heap holds, secrets included, as a .heapsnapshot on standard output; it stands still meanwhile',
    )
    .option(...PID)
    .action(({ pid }: { pid?: number }) => withProcess(pid, heapSnapshot));
}

async function profile(devtools: Devtools, seconds: number): Promise<void> {
  await devtools.send('Profiler.enable');
  await devtools.send('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROSECONDS });
  await devtools.send('Profiler.start');
  await delay(seconds * 1000);
  const { profile: taken } = await devtools.send<{ profile: unknown }>('Profiler.stop');
  await devtools.send('Profiler.disable');
  await write(JSON.stringify(taken));
}

async function heapSnapshot(devtools: Devtools): Promise<void> {
  devtools.on<{ chunk: string }>('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => {
    process.stdout.write(chunk);
  });
  await devtools.send('HeapProfiler.enable');
  await devtools.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await devtools.send('HeapProfiler.disable');
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Node opens its inspector at SIGUSR1, for this container's own processes only; it is closed again whatever happens. */
async function withProcess(
  chosen: number | undefined,
  action: (devtools: Devtools) => Promise<void>,
): Promise<void> {
  const pid = chosen ?? mainProcess();
  process.kill(pid, 'SIGUSR1');
  const devtools = await openDevtools(await inspectorOf(pid));
  try {
    await action(devtools);
  } finally {
    // Later, when nobody is connected any more: closed with a connection, Node 24 has crashed (SIGSEGV, 1 of 10).
    await devtools.send('Runtime.evaluate', {
      expression: `setTimeout(() => process.getBuiltinModule('node:inspector').close(), ${CLOSE_AFTER_MS}).unref()`,
    });
    await devtools.close();
  }
}

async function inspectorOf(pid: number): Promise<string> {
  const deadline = performance.now() + OPEN_LIMIT_MS;
  for (;;) {
    try {
      const [target] = (await (await fetch(INSPECTOR_URL)).json()) as { webSocketDebuggerUrl: string }[];
      if (target !== undefined) return target.webSocketDebuggerUrl;
    } catch (error) {
      if (performance.now() > deadline) {
        throw new Error(`process ${pid} did not open its inspector within ${OPEN_LIMIT_MS / 1000} s`, {
          cause: error,
        });
      }
    }
    await delay(50);
  }
}

/** The container's own: the child of its first process (docker-init), or that process itself. */
function mainProcess(): number {
  const nodes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && commandOf(pid)[0]?.endsWith('node'))
    .toSorted((one, other) => one - other);
  const [first] = nodes;
  if (first === undefined) {
    throw new Error('no other Node process runs in this container; use make profile or make heap-snapshot');
  }
  return first;
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // It has ended meanwhile.
  }
}
