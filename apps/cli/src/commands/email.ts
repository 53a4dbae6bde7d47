import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig, withPassword } from '@sv-sdk/config';
import { type Database, emailSends, emailTemplates } from '@sv-sdk/db';
import {
  DEFAULT_LOCALE,
  type EmailCounts,
  EmailInputError,
  type EmailStats,
  emailStats,
  enqueueEmail,
  LEFT_CAP,
  REPLAYABLE_STATUSES,
  type ReplayableStatus,
  type ReplayFilter,
  replayEmail,
  replayEmails,
  type TemplateDraft,
  type TemplateFault,
  validateTemplate,
} from '@sv-sdk/email';
import { createLogger } from '@sv-sdk/telemetry';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { asc, desc, eq } from 'drizzle-orm';
import { interruptible } from '../interrupt.ts';
import { day, wholeNumber } from '../options.ts';
import { columns, ExitCode, print, shorten, table, UsageError } from '../output.ts';
import { recordCommand, withDatabase } from '../platform.ts';
import { confirm, readInput } from '../prompt.ts';

const DAY_MS = 86_400_000;
const DEFAULT_STATS_DAYS = 30;
/** How often `email test` looks at what became of its email. */
const LOOK_INTERVAL_MS = 200;
/** For `pause` and `resume`: a queue that is away is said to be, and not waited for. */
const CONNECT_WAIT_MS = 5_000;

interface JsonOption {
  readonly json?: boolean;
}

export function addEmailCommands(program: Command): void {
  const email = program.command('email').description('emails, templates, and the queue between');
  email
    .command('test')
    .description(
      'sends one email the way all go, and waits for what becomes of it; exit code 1 if it is not sent',
    )
    .requiredOption('--to <address>', 'the recipient')
    .option('--template <name>', 'its name', 'notification')
    .option('--locale <locale>', 'such as en or de-AT', DEFAULT_LOCALE)
    .option(
      '--variable <name=value...>',
      'what the template asks for; notification has defaults',
      collectVariables,
    )
    .option('--wait <seconds>', 'for its end', wholeNumber(1, 3_600), 30)
    .option('--json', 'print JSON')
    .action(sendTest);
  email
    .command('list-templates')
    .description('the templates that are in use')
    .option('--all', 'every version, also what is out of use')
    .option('--json', 'print JSON')
    .action(listTemplates);
  email
    .command('validate')
    .description('a template in a file, or all that are in use; exit code 1 if one is at fault')
    .argument('[file]', 'MJML; - reads standard input')
    .option('--subject <text>', 'of the file', 'Subject')
    .option('--variables <names>', 'that the file declares, separated by commas', listOf, [])
    .addOption(
      new Option('--kind <kind>', 'of the file')
        .choices(['transactional', 'marketing'])
        .default('transactional'),
    )
    .option('--json', 'print JSON')
    .action(validate);
  withPeriod(email.command('stats'))
    .description('how many emails became what, by provider or day, and what they cost')
    .addOption(new Option('--by <what>', 'the rows').choices(['provider', 'day']).default('provider'))
    .option('--json', 'print JSON')
    .action(showStats);
  withPeriod(email.command('replay'))
    .description('sends emails again that failed for good; exit code 1 if one of those named can not be')
    .argument('[id...]', 'of emails')
    .option('--all', 'all that failed, or those that match:')
    .addOption(
      new Option('--status <status>', 'uncertain: it may have gone out, and goes out again')
        .choices(REPLAYABLE_STATUSES)
        .default('failed'),
    )
    .option('--template <name>', 'only of this template')
    .option('--provider <name>', 'only what this provider had last')
    .option('--yes', 'does not ask')
    .option('--json', 'print JSON')
    .action(replay);
  email
    .command('pause')
    .description('no worker begins an email any more, until resume; emails are accepted as ever')
    .option('--json', 'print JSON')
    // For a restore: the database may be gone, and the restored one has a row of its own (platform.restored).
    .addOption(new Option('--no-record', 'without a row in the audit log').hideHelp())
    .action((options: JsonOption & { record: boolean }) => setPaused(true, options));
  email
    .command('resume')
    .description('the workers go on')
    .option('--json', 'print JSON')
    .action((options: JsonOption) => setPaused(false, options));
}

function withPeriod(command: Command): Command {
  return command
    .option('--from <day>', 'accepted on this day (UTC) or later', day)
    .option('--until <day>', 'accepted before this day (UTC)', day);
}

function collectVariables(text: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('name=value is expected.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

const TEST_VARIABLES = {
  name: 'there',
  title: 'Test',
  message: 'This email was asked for with `sdk email test`.',
};

async function sendTest(
  options: JsonOption & {
    to: string;
    template: string;
    locale: string;
    variable?: Record<string, string>;
    wait: number;
  },
): Promise<void> {
  const { to, template, locale } = options;
  const variables = { ...(template === 'notification' && TEST_VARIABLES), ...options.variable };
  const email = await withDatabase(async (db) => {
    const { id } = await db
      .withTx(async (tx) => {
        // Whoever waits at a terminal goes before a newsletter.
        const accepted = await enqueueEmail(tx, { to, template, locale, variables, priority: 1 });
        await recordCommand(tx, 'email test', {
          eventType: 'email.queued',
          metadata: { emailIds: [accepted.id], template },
        });
        return accepted;
      })
      .catch((error: unknown) => {
        if (error instanceof EmailInputError) throw new UsageError(`${error.field}: ${error.message}`);
        throw error;
      });
    return interruptible((signal) => untilEnded(db, id, { waitMs: options.wait * 1000, signal }));
  });
  const isSent = email.status === 'sent' || email.status === 'delivered';
  const facts: [string, string | null][] = [
    ['id', email.id],
    ['status', email.status],
    ['provider', email.provider],
    ['message id', email.messageId],
    ['attempts', String(email.attempts)],
    ['error', email.errorMessage],
  ];
  const shown = facts.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]));
  const hint =
    email.status === 'queued'
      ? `\nNo worker has sent it within ${options.wait} s, and it is still to be sent. See docs/operations/email.md.`
      : '';
  print({ text: table(shown) + hint, json: { ok: isSent, email } }, options.json ?? false);
  if (!isSent) process.exitCode = ExitCode.failed;
}

interface TestedEmail {
  readonly id: string;
  readonly status: string;
  readonly provider: string | null;
  readonly messageId: string | null;
  readonly attempts: number;
  readonly errorMessage: string | null;
}

/** The email as it is when it has an end, or when the time is up. */
async function untilEnded(
  db: Database,
  id: string,
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<TestedEmail> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const [email] = await db
      .write()
      .select({
        id: emailSends.id,
        status: emailSends.status,
        provider: emailSends.provider,
        messageId: emailSends.messageId,
        attempts: emailSends.attempts,
        errorMessage: emailSends.errorMessage,
      })
      .from(emailSends)
      .where(eq(emailSends.id, id));
    if (email === undefined) throw new Error(`the email ${id} has been removed`);
    if (email.status !== 'queued' || performance.now() > deadlineMs) return email;
    await delay(LOOK_INTERVAL_MS, undefined, { signal });
  }
}

async function listTemplates(options: JsonOption & { all?: boolean }): Promise<void> {
  const fields = {
    id: emailTemplates.id,
    name: emailTemplates.name,
    locale: emailTemplates.locale,
    version: emailTemplates.version,
    kind: emailTemplates.kind,
    isActive: emailTemplates.isActive,
    subject: emailTemplates.subject,
    variables: emailTemplates.variables,
    createdAt: emailTemplates.createdAt,
  };
  const { name, locale, version } = emailTemplates;
  const templates = await withDatabase(async (db) =>
    options.all
      ? db.write().select(fields).from(emailTemplates).orderBy(asc(name), asc(locale), desc(version))
      : db
          .write()
          .selectDistinctOn([name, locale], fields)
          .from(emailTemplates)
          .where(eq(emailTemplates.isActive, true))
          .orderBy(asc(name), asc(locale), desc(version)),
  );
  const lines = templates.map((template) => [
    template.name,
    template.locale,
    String(template.version),
    template.kind,
    ...(options.all ? [template.isActive ? 'yes' : 'no'] : []),
    shorten(template.subject, 40),
    template.variables.join(', '),
  ]);
  const headings = [
    'name',
    'locale',
    'version',
    'kind',
    ...(options.all ? ['in use'] : []),
    'subject',
    'variables',
  ];
  print({ text: columns(headings, lines), json: { ok: true, templates } }, options.json ?? false);
}

interface Checked {
  readonly name: string;
  readonly faults: readonly TemplateFault[];
}

async function validate(
  file: string | undefined,
  options: JsonOption & { subject: string; variables: string[]; kind: TemplateDraft['kind'] },
): Promise<void> {
  const drafts = file === undefined ? await draftsInUse() : [await draftOf(file, options)];
  const checked: Checked[] = [];
  for (const { name, ...draft } of drafts) {
    const result = await validateTemplate(draft);
    checked.push({ name, faults: result.isValid ? [] : result.faults });
  }
  const isFine = checked.every(({ faults }) => faults.length === 0);
  const lines = checked.flatMap(({ name, faults }) =>
    faults.length === 0
      ? [`${name}: fine`]
      : faults.map(({ field, message }) => `${name}: ${field}: ${message.replaceAll(/\p{Cc}/gu, '\ufffd')}`),
  );
  print(
    { text: lines.join('\n') || 'There is no template in use.', json: { ok: isFine, templates: checked } },
    options.json ?? false,
  );
  if (!isFine) process.exitCode = ExitCode.failed;
}

async function draftOf(
  file: string,
  options: { subject: string; variables: string[]; kind: TemplateDraft['kind'] },
): Promise<TemplateDraft & { name: string }> {
  const mjml = file === '-' ? await readInput() : await readFile(file, 'utf8');
  const { subject, variables, kind } = options;
  return { name: file === '-' ? 'standard input' : file, mjml, subject, variables, kind };
}

async function draftsInUse(): Promise<(TemplateDraft & { name: string })[]> {
  const { name, locale, version } = emailTemplates;
  const rows = await withDatabase((db) =>
    db
      .write()
      .selectDistinctOn([name, locale])
      .from(emailTemplates)
      .where(eq(emailTemplates.isActive, true))
      .orderBy(asc(name), asc(locale), desc(version)),
  );
  return rows.map(({ mjml, subject, variables, kind, ...row }) => ({
    name: `${row.name} ${row.locale} version ${row.version}`,
    mjml,
    subject,
    variables,
    kind,
  }));
}

async function showStats(
  options: JsonOption & { from?: Date; until?: Date; by: 'provider' | 'day' },
): Promise<void> {
  const config = loadConfig([
    'EMAIL_COST_PER_1000_SMTP',
    'EMAIL_COST_PER_1000_SES',
    'EMAIL_COST_PER_1000_BREVO',
    'EMAIL_COST_PER_1000_SENDGRID',
  ]);
  const { until = new Date() } = options;
  const { from = new Date(until.getTime() - DEFAULT_STATS_DAYS * DAY_MS) } = options;
  if (from >= until) throw new UsageError('--until: must be after --from');
  const stats = await withDatabase((db) =>
    emailStats(
      db.write(),
      { from, until },
      {
        smtp: config.EMAIL_COST_PER_1000_SMTP,
        ses: config.EMAIL_COST_PER_1000_SES,
        brevo: config.EMAIL_COST_PER_1000_BREVO,
        sendgrid: config.EMAIL_COST_PER_1000_SENDGRID,
      },
    ),
  );
  print(
    {
      text: `Emails accepted from ${from.toISOString()} to ${until.toISOString()}\n${describeStats(stats, options.by)}`,
      json: { ok: true, from, until, ...stats },
    },
    options.json ?? false,
  );
}

const COUNTED = [
  'accepted',
  'queued',
  'sent',
  'delivered',
  'bounced',
  'complained',
  'failed',
  'suppressed',
  'cancelled',
  'uncertain',
] as const satisfies readonly (keyof EmailCounts)[];

function describeStats(stats: EmailStats, by: 'provider' | 'day'): string {
  const line = (names: readonly string[], counts: EmailCounts) => [
    ...names,
    ...COUNTED.map((name) => String(counts[name])),
    counts.costUsd.toFixed(2),
  ];
  const provider = (name: string | null) => name ?? 'none';
  const rows =
    by === 'day'
      ? stats.days.map((counts) => line([counts.day, provider(counts.provider)], counts))
      : stats.providers.map((counts) => line([provider(counts.provider)], counts));
  const names = by === 'day' ? ['day', 'provider'] : ['provider'];
  const total = line(by === 'day' ? ['total', ''] : ['total'], stats.total);
  return columns([...names, ...COUNTED, 'cost USD'], [...rows, total]);
}

interface ReplayOptions extends JsonOption {
  readonly all?: boolean;
  readonly status: ReplayableStatus;
  readonly template?: string;
  readonly provider?: string;
  readonly from?: Date;
  readonly until?: Date;
  readonly yes?: boolean;
}

async function replay(ids: readonly string[], options: ReplayOptions): Promise<void> {
  if (ids.length > 0 === (options.all ?? false)) throw new UsageError('name emails, or give --all');
  if (ids.length > 0) return replayNamed(ids, options);
  const { status, template, provider, from, until } = options;
  const filter: ReplayFilter = { status, template, provider, from, until };
  const what =
    status === 'uncertain' ? 'that may have gone out (whoever got one gets it twice)' : 'that failed';
  const isSure = await confirm(`Send all emails again ${what} and match?`, { isSure: options.yes ?? false });
  if (!isSure) throw new Error('nothing was sent again');
  const replayed = await interruptible((signal) => withDatabase((db) => replayAll(db, filter, signal)));
  print({ text: `Emails queued again: ${replayed}.`, json: { ok: true, replayed } }, options.json ?? false);
}

/**
 * In turns, so that no transaction is long. As many as there were at the beginning and no more: what fails again
 * meanwhile would be replayed for ever.
 */
async function replayAll(db: Database, filter: ReplayFilter, signal: AbortSignal): Promise<number> {
  let replayed = 0;
  for (let most = Number.POSITIVE_INFINITY; replayed < most; ) {
    signal.throwIfAborted();
    const { ids, left } = await db.withTx(async (tx) => {
      const turn = await replayEmails(tx, filter);
      if (turn.ids.length > 0) {
        await recordCommand(tx, 'email replay', {
          eventType: 'email.replayed',
          metadata: { filter, emailIds: turn.ids },
        });
      }
      return turn;
    });
    replayed += ids.length;
    if (ids.length === 0) break;
    // Counted no further than that.
    if (left < LEFT_CAP) most = Math.min(most, replayed + left);
  }
  return replayed;
}

async function replayNamed(ids: readonly string[], options: ReplayOptions): Promise<void> {
  const results = await withDatabase(async (db) => {
    const found: { id: string; isReplayed: boolean }[] = [];
    for (const id of ids) {
      const isReplayed = await db.withTx(async (tx) => {
        const isDone = await replayEmail(tx, id);
        if (isDone) {
          await recordCommand(tx, 'email replay', {
            eventType: 'email.replayed',
            metadata: { emailIds: [id] },
          });
        }
        return isDone;
      });
      found.push({ id, isReplayed });
    }
    return found;
  });
  const isFine = results.every(({ isReplayed }) => isReplayed);
  print(
    {
      text: columns(
        ['id', 'queued again'],
        results.map(({ id, isReplayed }) => [
          id,
          isReplayed ? 'yes' : 'no: it is none that failed or is uncertain',
        ]),
      ),
      json: { ok: isFine, results },
    },
    options.json ?? false,
  );
  if (!isFine) process.exitCode = ExitCode.failed;
}

/** The audit row comes first: Redis and Postgres share no transaction, and no change may be without its row. */
async function setPaused(isPaused: boolean, options: JsonOption & { record?: boolean }): Promise<void> {
  const config = loadConfig(['REDIS_QUEUE_URL', 'REDIS_QUEUE_PASSWORD', 'SV_VERSION']);
  // BullMQ, which no other command of this group needs.
  const { createEmailQueue, createProducerConnection, untilConnected } = await import('@sv-sdk/queue');
  const logger = createLogger({ service: 'sdk', version: config.SV_VERSION, level: 'silent' });
  const connection = createProducerConnection(
    withPassword(config.REDIS_QUEUE_URL, config.REDIS_QUEUE_PASSWORD),
    logger,
  );
  const queue = createEmailQueue(connection, logger);
  try {
    const waited = new AbortController();
    await Promise.race([
      untilConnected(connection),
      delay(CONNECT_WAIT_MS, undefined, { signal: waited.signal }).then(() => {
        throw new Error('the queue cannot be reached (REDIS_QUEUE_URL)');
      }),
    ]);
    waited.abort();
    const isChanged = (await queue.isPaused()) !== isPaused;
    if (isChanged) {
      if (options.record !== false) {
        await withDatabase((db) =>
          db.withTx((tx) =>
            recordCommand(tx, `email ${isPaused ? 'pause' : 'resume'}`, {
              eventType: isPaused ? 'queue.paused' : 'queue.resumed',
              metadata: { queue: queue.bull.name },
            }),
          ),
        );
      }
      await (isPaused ? queue.pause() : queue.resume());
    }
    const state = isPaused ? 'is paused' : 'is running';
    print(
      {
        text: isChanged ? `The queue ${state}.` : `Nothing changed: the queue ${state}.`,
        json: { ok: true, isPaused, isChanged },
      },
      options.json ?? false,
    );
  } finally {
    await queue.close();
    connection.disconnect();
  }
}
