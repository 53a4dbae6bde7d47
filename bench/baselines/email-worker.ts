/**
 * What ../email-throughput.ts compares with: a BullMQ worker whose whole job is one `sendMail` of a pooled nodemailer
 * transport, with nothing written down and nothing made sure of. Started by fork, told what to do by one message.
 */

import { Worker } from 'bullmq';
import { createTransport } from 'nodemailer';
import MailComposer from 'nodemailer/lib/mail-composer';
import { createWorkerConnection } from '../../packages/queue/src/index.ts';
import { createLogger } from '../../packages/telemetry/src/index.ts';

export interface BareTask {
  readonly queueUrl: string;
  readonly queue: string;
  readonly prefix: string;
  readonly smtpUrl: string;
  readonly concurrency: number;
  /** The message is made once, and nodemailer only hands it over: less than any loop that sends different emails can do. */
  readonly isComposed: boolean;
  readonly email: {
    readonly from: string;
    readonly subject: string;
    readonly html: string;
    readonly text: string;
  };
}

/** `done`: how many are sent so far. `end`: the answer to any second message. */
export type BareReport =
  | { readonly kind: 'done'; readonly count: number }
  /** When each was sent, in ms since 1970, and what it took of the processor. */
  | { readonly kind: 'end'; readonly sentAtMs: readonly number[]; readonly cpuSeconds: number };

const REPORT_INTERVAL_MS = 100;
const sentAtMs: number[] = [];
let reporting: NodeJS.Timeout | undefined;

process.on('message', (message) => {
  if (reporting !== undefined) {
    clearInterval(reporting);
    const { user, system } = process.cpuUsage();
    report({ kind: 'end', sentAtMs, cpuSeconds: (user + system) / 1e6 });
    return;
  }
  void start(message as BareTask);
  reporting = setInterval(() => report({ kind: 'done', count: sentAtMs.length }), REPORT_INTERVAL_MS);
});
process.once('disconnect', () => process.exit());

async function start(task: BareTask): Promise<void> {
  const { queueUrl, queue, prefix, smtpUrl, concurrency, isComposed, email } = task;
  const { hostname, port } = new URL(smtpUrl);
  const transport = createTransport({
    host: hostname,
    port: Number(port),
    pool: true,
    maxConnections: concurrency,
    maxMessages: Number.POSITIVE_INFINITY,
  });
  const raw = isComposed
    ? await new MailComposer({ ...email, to: 'anybody@example.org' }).compile().build()
    : '';
  const worker = new Worker<{ to: string }>(
    queue,
    async ({ data }) => {
      await transport.sendMail(
        isComposed ? { raw, envelope: { from: email.from, to: data.to } } : { ...email, to: data.to },
      );
      sentAtMs.push(Date.now());
    },
    {
      connection: createWorkerConnection(
        queueUrl,
        createLogger({ service: 'bench', version: 'bench', level: 'error' }),
      ),
      prefix,
      concurrency,
    },
  );
  worker.on('failed', (_job, error) => {
    throw error;
  });
}

function report(message: BareReport): void {
  process.send?.(message);
}
