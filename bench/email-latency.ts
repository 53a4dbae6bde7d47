/**
 * How long an email takes from its acceptance until the SMTP server has it and that is written down, at a fixed rate of
 * acceptances: one email a transaction, begun when it is due, whatever became of those before.
 *
 *   node bench/email-latency.ts                          # 200 a second for a minute
 *   node bench/email-latency.ts --rate 50 --seconds 20 --workers 2 --concurrency 5
 *
 * Needs the images of `make up` and `make test`. Both times are Postgres' own; the second one is that of the record, so
 * the SMTP server had the email a little earlier.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { enqueueEmails } from '../packages/email/src/index.ts';
import { acceptEmails, describeMachine, emailTo, percentile, startEmailServers } from './email-servers.ts';
import { print } from './figures.ts';

const { values: flags } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
    workers: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '50' },
  },
});
const rate = Number(flags.rate);
const emails = rate * Number(flags.seconds);
const workers = Number(flags.workers);

/** Of issue 4. */
const GOAL_P95_SECONDS = 1;
const WARM_UP_EMAILS = 1_000;
const DRAIN_LIMIT_MS = 60_000;

await using stack = new AsyncDisposableStack();
const servers = await startEmailServers(stack);
await Promise.all(
  Array.from({ length: workers }, () => servers.startWorker({ EMAIL_CONCURRENCY: flags.concurrency })),
);
await acceptEmails(servers.db, WARM_UP_EMAILS);
await untilAllSent();

const started = performance.now();
const failures: unknown[] = [];
const accepting: Promise<unknown>[] = [];
for (let index = 0; index < emails; index += 1) {
  const dueMs = started + (index * 1000) / rate;
  if (dueMs > performance.now()) await delay(dueMs - performance.now());
  const email = emailTo(`measured-${index}`);
  accepting.push(
    servers.db.withTx((tx) => enqueueEmails(tx, [email])).catch((error: unknown) => failures.push(error)),
  );
}
await Promise.all(accepting);
if (failures.length > 0) throw new Error(`${failures.length} were not accepted`, { cause: failures[0] });
const perSecond = emails / ((performance.now() - started) / 1000);
await untilAllSent();

const seconds = (
  await servers.sql(
    `select extract(epoch from sent_at - created_at) from email.email_sends
     where recipient like 'person-measured-%' and status = 'sent'`,
  )
).map(Number);
if (seconds.length !== emails) throw new Error(`${seconds.length} of ${emails} emails were sent`);
const ms = (share: number) => (percentile(seconds, share) * 1000).toFixed(0);
const isReached = percentile(seconds, 0.95) < GOAL_P95_SECONDS;
print(describeMachine());
print(
  `${emails} emails, ${perSecond.toFixed(0)} accepted a second, ${workers} worker process(es), ` +
    `${flags.concurrency} at a time each`,
);
print(`accepted to sent, in ms: p50 ${ms(0.5)}, p95 ${ms(0.95)}, p99 ${ms(0.99)}, most ${ms(1)}`);
print(`p95: goal below ${GOAL_P95_SECONDS * 1000} ms: ${isReached ? 'reached' : 'missed'}`);

async function untilAllSent(): Promise<void> {
  const deadline = performance.now() + DRAIN_LIMIT_MS;
  while (Number((await servers.sql('select count(*) from email.email_outbox'))[0]) > 0) {
    if (performance.now() > deadline) throw new Error('not all were sent in time');
    await delay(250);
  }
}
