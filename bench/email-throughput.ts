/**
 * How many emails a second the workers send, with all that keeps them from being lost, against the same queue and the
 * same SMTP library with nothing around them, in turn. All emails wait before the first worker of a round starts; the
 * rate is that from the first to the last one that is written down as sent.
 *
 *   node bench/email-throughput.ts                       # 2 rounds of 60,000 each way
 *   node bench/email-throughput.ts --rounds 1 --emails 10000 --workers 1 --concurrency 50
 *   node bench/email-throughput.ts --half-spaces 0,4,16  # of the workers' young generation (ADR 0056), without the rest
 *   infra/host/test.sh node bench/email-throughput.ts    # where the host has no Node
 *
 * Needs the images of `make up` and `make test`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { emailOutbox, emailTemplates } from '../packages/db/src/index.ts';
import { prepareTemplate } from '../packages/email/src/render.ts';
import { emailJobOptions } from '../packages/queue/src/catalogue.ts';
import { createProducerConnection, EMAIL_QUEUE_PREFIX, untilConnected } from '../packages/queue/src/index.ts';
import { createLogger } from '../packages/telemetry/src/index.ts';
import type { BareReport, BareTask } from './baselines/email-worker.ts';
import {
  acceptEmails,
  describeMachine,
  emailTo,
  HALF_SPACE_MB,
  memoryOptions,
  startEmailServers,
} from './email-servers.ts';
import { print, tellFigure } from './figures.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    emails: { type: 'string', default: '60000' },
    /** As many as the stack has. */
    workers: { type: 'string', default: '2' },
    concurrency: { type: 'string', default: '50' },
    /** MB; 0: what V8 makes of the memory that a worker may have. */
    'half-spaces': { type: 'string' },
  },
});
const rounds = Number(flags.rounds);
const emails = Number(flags.emails);
const workers = Number(flags.workers);
const concurrency = Number(flags.concurrency);

/** Goals of issue 4, for 2 cores. */
const GOAL = { perSecond: 1000, ratio: 0.8 };
const WINDOW_SECONDS = 10;
const ROUND_LIMIT_MS = 300_000;
const BARE_QUEUE = 'bare';

interface Round {
  readonly perSecond: number;
  /** The rate of the worst {@link WINDOW_SECONDS} seconds. */
  readonly slowest: number;
  /** CPU milliseconds an email, by who used them. */
  readonly cpu: Record<string, number>;
}

interface PlatformRound extends Round {
  /** Resident at the end, of a worker on average. */
  readonly workerMb: number;
}

await using stack = new AsyncDisposableStack();
const servers = await startEmailServers(stack);
print(describeMachine());
print(`${emails} emails a round, ${workers} worker process(es), ${concurrency} at a time each\n`);

if (flags['half-spaces'] === undefined) await compareWithBareLoops();
else await compareHalfSpaces(flags['half-spaces'].split(',').map(Number));

async function compareWithBareLoops(): Promise<void> {
  const results = { bare: [] as Round[], composed: [] as Round[], platform: [] as Round[] };
  for (let round = 0; round < rounds; round += 1) {
    results.bare.push(show('bare loop', await bareRound({ isComposed: false })));
    results.platform.push(show('platform', await platformRound()));
    results.composed.push(show('bare, one message made once', await bareRound({ isComposed: true })));
  }
  const [bare, composed, platform] = [mean(results.bare), mean(results.composed), mean(results.platform)];
  const ratio = platform / bare;
  const verdict = (isReached: boolean) => (isReached ? ': reached' : ': missed');
  print(
    `\nplatform: ${platform.toFixed(0)} emails/s; goal ${GOAL.perSecond}${verdict(platform >= GOAL.perSecond)}`,
  );
  print(`ratio to the bare loop: ${ratio.toFixed(2)}; goal ${GOAL.ratio}${verdict(ratio >= GOAL.ratio)}`);
  print(`ratio to a loop that sends one message, made once: ${(platform / composed).toFixed(2)}`);
}

async function compareHalfSpaces(sizes: readonly number[]): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const halfSpaceMb of sizes) {
      const measured = await platformRound(halfSpaceMb);
      print(`${describe(`half-spaces of ${halfSpaceMb} MB`, measured)}; ${measured.workerMb.toFixed(0)} MB`);
    }
  }
}

async function platformRound(halfSpaceMb?: number): Promise<PlatformRound> {
  await servers.wipeQueue();
  const [before = '0'] = await servers.sql('select count(*) from email.email_sends');
  await acceptEmails(servers.db, emails);
  // What the insertion left to do must not fall into the measured time, nor into the other way's.
  await servers.sql('checkpoint');
  const cpuBefore = await servers.cpuSeconds();
  const running = await Promise.all(
    Array.from({ length: workers }, () =>
      servers.startWorker({ EMAIL_CONCURRENCY: String(concurrency) }, halfSpaceMb),
    ),
  );
  await until(() => isOutboxEmpty());
  const cpuAfter = await servers.cpuSeconds();
  const workerCpu = await Promise.all(running.map((worker) => worker.metric('process_cpu_seconds_total')));
  const workerBytes = await Promise.all(
    running.map((worker) => worker.metric('process_resident_memory_bytes')),
  );
  await Promise.all(running.map((worker) => worker.stop()));

  const sentAtMs = (
    await servers.sql(
      `select extract(epoch from sent_at) * 1000 from email.email_sends where status = 'sent' order by id offset ${before}`,
    )
  ).map(Number);
  if (sentAtMs.length !== emails) throw new Error(`${sentAtMs.length} of ${emails} emails were sent`);
  return {
    ...toRound(sentAtMs, cpuBefore, cpuAfter, sum(workerCpu)),
    workerMb: sum(workerBytes) / workers / 1e6,
  };
}

/** Over the open pool: `docker exec` twice a second costs a good part of a core, which the bare loop would not bear. */
async function isOutboxEmpty(): Promise<boolean> {
  const left = await servers.db.write().select({ id: emailOutbox.emailSendId }).from(emailOutbox).limit(1);
  return left.length === 0;
}

async function bareRound({ isComposed }: { isComposed: boolean }): Promise<Round> {
  await servers.wipeQueue();
  const connection = createProducerConnection(
    servers.queueUrl,
    createLogger({ service: 'bench', version: 'bench', level: 'error' }),
  );
  await untilConnected(connection);
  const queue = new Queue(BARE_QUEUE, {
    connection,
    prefix: EMAIL_QUEUE_PREFIX,
    defaultJobOptions: emailJobOptions,
  });
  for (let start = 0; start < emails; start += 1000) {
    await queue.addBulk(
      Array.from({ length: Math.min(1000, emails - start) }, (_, index) => ({
        name: 'send',
        data: { to: emailTo(start + index).to },
      })),
    );
  }
  await queue.close();
  connection.disconnect();

  const task: BareTask = {
    queueUrl: servers.queueUrl,
    queue: BARE_QUEUE,
    prefix: EMAIL_QUEUE_PREFIX,
    smtpUrl: servers.smtpUrl,
    concurrency,
    isComposed,
    email: { from: 'SV-SDK <noreply@sv.example>', ...(await renderOnce()) },
  };
  const cpuBefore = await servers.cpuSeconds();
  const running = Array.from({ length: workers }, () => startBareWorker(task));
  await until(async () => sum(running.map(({ done }) => done())) >= emails);
  const cpuAfter = await servers.cpuSeconds();
  const ends = await Promise.all(running.map(({ end }) => end()));
  return toRound(
    ends.flatMap(({ sentAtMs }) => sentAtMs),
    cpuBefore,
    cpuAfter,
    sum(ends.map(({ cpuSeconds }) => cpuSeconds)),
  );
}

/** What the platform would send, made once. */
async function renderOnce() {
  const email = emailTo('anybody');
  const templates = await servers.db.write().select().from(emailTemplates);
  const template = templates.find(({ name, locale }) => name === email.template && locale === 'en');
  if (template === undefined) throw new Error(`there is no template "${email.template}"`);
  return prepareTemplate(template)(email.variables);
}

function startBareWorker(task: BareTask) {
  const child = fork(new URL('baselines/email-worker.ts', import.meta.url), {
    execArgv: memoryOptions(HALF_SPACE_MB),
  });
  stack.defer(() => void child.kill());
  let count = 0;
  child.on('message', (message) => {
    const report = message as BareReport;
    if (report.kind === 'done') count = report.count;
  });
  child.once('exit', (exitCode) => {
    if (exitCode) throw new Error(`a bare worker ended with ${exitCode}`);
  });
  child.send(task);
  return {
    done: () => count,
    async end(): Promise<Extract<BareReport, { kind: 'end' }>> {
      child.send('end');
      for (;;) {
        const [message] = await once(child, 'message');
        const report = message as BareReport;
        if (report.kind !== 'end') continue;
        child.disconnect();
        return report;
      }
    },
  };
}

function toRound(
  sentAtMs: readonly number[],
  cpuBefore: Record<string, number>,
  cpuAfter: Record<string, number>,
  workerCpuSeconds: number,
): Round {
  const times = sentAtMs.toSorted((a, b) => a - b);
  const first = times[0] ?? 0;
  const seconds = ((times.at(-1) ?? 0) - first) / 1000;
  const windows = Math.max(1, Math.floor(seconds / WINDOW_SECONDS));
  const counts = new Array<number>(windows).fill(0);
  for (const time of times) {
    const window = Math.floor((time - first) / 1000 / WINDOW_SECONDS);
    // What is left after the last whole window is too short to be called a rate.
    if (window < windows) counts[window] = (counts[window] ?? 0) + 1;
  }
  const perEmailMs = (cpuSeconds: number) => (cpuSeconds * 1000) / times.length;
  const cpu = { worker: perEmailMs(workerCpuSeconds) } as Record<string, number>;
  for (const [name, after] of Object.entries(cpuAfter))
    cpu[name] = perEmailMs(after - (cpuBefore[name] ?? 0));
  return {
    perSecond: (times.length - 1) / seconds,
    slowest: Math.min(...counts) / Math.min(WINDOW_SECONDS, seconds),
    cpu,
  };
}

function show(name: string, round: Round): Round {
  tellFigure('emails sent', name, 'per second', round.perSecond);
  print(describe(name, round));
  return round;
}

function describe(name: string, round: Round): string {
  const cpu = Object.entries(round.cpu).map(([user, ms]) => `${user} ${ms.toFixed(2)}`);
  return (
    `${name.padEnd(28)} ${round.perSecond.toFixed(0).padStart(5)}/s, slowest ${WINDOW_SECONDS} s ` +
    `${round.slowest.toFixed(0)}/s; CPU ms an email: ${cpu.join(', ')}`
  );
}

/** Of rates over the same number of emails: the number over the sum of the times. */
function mean(list: readonly Round[]): number {
  return list.length / sum(list.map(({ perSecond }) => 1 / perSecond));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ROUND_LIMIT_MS;
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error('the round did not end in time');
    await delay(500);
  }
}
