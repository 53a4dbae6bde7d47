/**
 * What a worker and the queue's Redis need of memory while 1,000,000 emails wait, against the same with 10,000: all of
 * them due, and sent as fast as they can be for a while.
 *
 *   node bench/email-memory.ts                           # 10,000 and 1,000,000, 60 s each
 *   node bench/email-memory.ts --emails 100000 --seconds 30
 *
 * Needs the images of `make up` and `make test`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { describeMachine, fillOutbox, percentile, startEmailServers } from './email-servers.ts';
import { print, tellFigure } from './figures.ts';

const { values: flags } = parseArgs({
  options: {
    few: { type: 'string', default: '10000' },
    emails: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '60' },
    concurrency: { type: 'string', default: '50' },
  },
});
const SAMPLE_INTERVAL_MS = 1000;
/** Flat: so much above the few, at most. Node's heap alone breathes by more than this from one minute to the next. */
const GOAL_RATIO = 1.25;
const MIB = 1024 * 1024;

interface Usage {
  /** The most of every second's sample, in MiB. */
  readonly workerMib: number;
  readonly redisMib: number;
  /** Medians of the first and of the last third. */
  readonly firstMib: number;
  readonly lastMib: number;
  readonly sent: number;
}

await using stack = new AsyncDisposableStack();
const servers = await startEmailServers(stack);
print(describeMachine());
print(`one worker process, ${flags.concurrency} at a time; samples every second for ${flags.seconds} s\n`);
const few = show(Number(flags.few), await measure(Number(flags.few)));
const many = show(Number(flags.emails), await measure(Number(flags.emails)));
const ratio = many.workerMib / few.workerMib;
const verdict = ratio <= GOAL_RATIO ? 'reached' : 'missed';
print(
  `\nthe worker's memory with ${flags.emails} against ${flags.few}: ${ratio.toFixed(2)}; goal ${GOAL_RATIO}: ${verdict}`,
);

async function measure(queued: number): Promise<Usage> {
  await servers.wipeQueue();
  await servers.sql('truncate email.email_sends cascade');
  await fillOutbox(servers, queued);
  const worker = await servers.startWorker({ EMAIL_CONCURRENCY: flags.concurrency });
  const workerMib: number[] = [];
  const redisMib: number[] = [];
  const deadline = performance.now() + Number(flags.seconds) * 1000;
  while (performance.now() < deadline) {
    workerMib.push((await worker.metric('process_resident_memory_bytes')) / MIB);
    redisMib.push((await servers.queueMemoryBytes()) / MIB);
    await delay(SAMPLE_INTERVAL_MS);
  }
  const [sent] = await servers.sql("select count(*) from email.email_sends where status = 'sent'");
  await worker.stop();
  const third = Math.ceil(workerMib.length / 3);
  return {
    workerMib: Math.max(...workerMib),
    redisMib: Math.max(...redisMib),
    firstMib: percentile(workerMib.slice(0, third), 0.5),
    lastMib: percentile(workerMib.slice(-third), 0.5),
    sent: Number(sent),
  };
}

function show(queued: number, usage: Usage): Usage {
  tellFigure(
    'memory of an email worker',
    `${queued.toLocaleString('en-US')} queued`,
    'MB',
    (usage.workerMib * MIB) / 1e6,
  );
  const mib = (value: number) => `${value.toFixed(0)} MiB`;
  print(
    `${String(queued).padStart(9)} queued: worker ${mib(usage.workerMib)} at most, first third ${mib(usage.firstMib)}, ` +
      `last third ${mib(usage.lastMib)}; redis-queue ${mib(usage.redisMib)} at most; ${usage.sent} sent`,
  );
  return usage;
}
