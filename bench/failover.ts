/**
 * What a failover costs those who write: the longest time without an acknowledged write, and what was acknowledged and is
 * missing afterwards. On a stack of its own (the end-to-end tests'), round after round, the roles changing each time.
 *
 *   node bench/failover.ts --rounds 10 --cases planned,crash,sync
 */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { failOver, otherThan, primaryNode, rejoin } from '../test/e2e/failover.ts';
import { startWriter, type WriterReport } from '../test/e2e/numbered-rows.ts';
import {
  containersOf,
  environment,
  onPrimary,
  removeStack,
  shellOrThrow,
  startStack,
} from '../test/e2e/stack.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    cases: { type: 'string', default: 'planned,crash,sync' },
  },
});
const rounds = Number(flags.rounds);
const wanted = flags.cases.split(',');
/** Before the failover and after it, so that the gap has two ends. */
const WRITE_MS = 1_500;

const CASES = [
  { flag: 'planned', name: 'planned', isCrash: false, sync: 'off' },
  { flag: 'crash', name: 'crash', isCrash: true, sync: 'off' },
  { flag: 'sync', name: 'crash, SYNC_REPLICATION=on', isCrash: true, sync: 'on' },
] as const;

await using stack = new AsyncDisposableStack();
await removeStack();
stack.defer(removeStack);
await startStack();
print(`${cpus().length} cores (${cpus()[0]?.model}), ${rounds} rounds each`);
for (const { name, isCrash, sync } of CASES.filter(({ flag }) => wanted.includes(flag))) {
  environment['SYNC_REPLICATION'] = sync;
  await shellOrThrow('make up');
  await untilStreaming(sync === 'on');
  const reports: WriterReport[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const report = await failOverUnderWriter(isCrash);
    reports.push(report);
    print(
      `  ${name}, round ${round + 1}: ${(report.gapMs / 1000).toFixed(2)} s, ${report.acknowledged} rows acknowledged, ${report.missing} missing`,
    );
    await rejoin({ force: true });
    await untilStreaming(sync === 'on');
  }
  const gaps = reports.map(({ gapMs }) => gapMs).toSorted((a, b) => a - b);
  const seconds = (index: number) => ((gaps.at(index) ?? Number.NaN) / 1000).toFixed(2);
  const sum = (of: (report: WriterReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  print(
    `${name}: write gap ${seconds(0)} / ${seconds(Math.floor(gaps.length / 2))} / ${seconds(-1)} s (min / median / max); ` +
      `${sum(({ acknowledged }) => acknowledged)} rows acknowledged, ${sum(({ missing }) => missing)} missing; ` +
      `${sum(({ failures }) => Object.values(failures).reduce((total, count) => total + count, 0))} writes failed`,
  );
}

async function failOverUnderWriter(isCrash: boolean): Promise<WriterReport> {
  const old = await primaryNode();
  const [container] = await containersOf(old);
  const writer = await startWriter();
  await delay(WRITE_MS);
  if (isCrash) await shellOrThrow(`docker kill ${container}`);
  await failOver({ force: true });
  await delay(WRITE_MS);
  const now = await primaryNode();
  if (now !== otherThan(old)) throw new Error(`the primary is ${now}, and was ${old}`);
  return await writer.stop();
}

/** A standby has all that there is, and confirms each write if it is to. */
async function untilStreaming(isSynchronous: boolean): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const [count] = await onPrimary(
      `select count(*) from pg_stat_replication where state = 'streaming' and sync_state = '${isSynchronous ? 'quorum' : 'async'}'`,
    );
    if (count === '1') return;
    await delay(200);
  }
  throw new Error('no standby streams');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
