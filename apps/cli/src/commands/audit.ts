import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import {
  type AuditFilter,
  type AuditRow,
  coveredUntil,
  createPartitionsAhead,
  deriveChainKeys,
  dropExpiredPartitions,
  EVENT_TYPE_FILTER,
  type ExportFormat,
  expiredPartitions,
  exportAudit,
  type Finding,
  formatExport,
  listPartitions,
  rekeyChain,
  searchAudit,
  verifyAudit,
} from '@sv-sdk/audit';
import { loadConfig } from '@sv-sdk/config';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { interruptible } from '../interrupt.ts';
import { wholeNumber } from '../options.ts';
import { columns, ExitCode, print, shorten, table, UsageError } from '../output.ts';
import { recordCommand, withDatabase } from '../platform.ts';
import { findUser } from '../users.ts';

/** What `--json` lists of a log that is wrong from one end to the other; the text names each. */
const MAX_FINDINGS_IN_JSON = 10_000;

interface JsonOption {
  readonly json?: boolean;
}

interface FilterOptions {
  readonly eventType?: string;
  readonly user?: string;
  readonly from?: Date;
  readonly to?: Date;
}

export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('the log of who did what, and whether it is as it was');
  withFilter(audit.command('search'))
    .description('the newest rows that match')
    .option('--limit <rows>', 'at most so many', wholeNumber(1, 1_000), 50)
    .option('--json', 'print JSON')
    .action(search);
  withFilter(audit.command('export'))
    .description('all rows that match, newest first, on standard output or into a new file')
    .addOption(new Option('--format <format>').choices(['csv', 'json']).default('csv'))
    .option('--output <file>', 'a file that is not there yet')
    .option('--json', 'say as JSON what was written; needs --output')
    .action(exportRows);
  audit
    .command('retention')
    .description('the partitions, and which are older than the retention; exit code 1 if one has to stay')
    .option('--apply', 'makes and drops now what the worker would within the hour')
    .option('--despite-findings', 'with --apply: drops also what is not as it was sealed')
    .option('--json', 'print JSON')
    .action(retain);
  audit
    .command('rekey')
    .description('has the hash chain go on under the first key of ENCRYPTION_KEY; `make rotate` calls it')
    .option('--json', 'print JSON')
    .action(rekey);
  audit
    .command('verify')
    .description(
      'reads the whole hash chain, and names every row that was changed, removed or inserted; exit code 1 then',
    )
    .option('--expect-head <sequence:hash>', 'an end of the chain, from a log or an earlier verify', headOf)
    .option('--json', 'print JSON')
    .action(verify);
}

function withFilter(command: Command): Command {
  return command
    .option('--event-type <type>', 'such as user.created, or auth.*', eventTypeOf)
    .option('--user <user>', 'who did it, by address or id')
    .option(
      '--from <time>',
      'not before this day (UTC) or moment: 2026-11-24, 2026-11-24T10:00:00Z',
      momentOf,
    )
    .option('--to <time>', 'before this day or moment', momentOf);
}

async function search(options: FilterOptions & JsonOption & { limit: number }): Promise<void> {
  const rows = await withDatabase(async (db) =>
    searchAudit(db.write(), await filterOf(db, options), { limit: options.limit }),
  );
  const lines = rows.map((row) => [
    row.createdAt.toISOString(),
    row.eventType,
    row.userId ?? '',
    row.ipAddress ?? '',
    row.sequence === null ? '' : String(row.sequence),
    shorten(JSON.stringify(row.metadata), 80),
  ]);
  print(
    {
      text: columns(['time', 'event', 'user', 'address', 'sequence', 'metadata'], lines),
      json: { ok: true, rows },
    },
    options.json ?? false,
  );
}

async function exportRows(
  options: FilterOptions & JsonOption & { format: ExportFormat; output?: string },
): Promise<void> {
  const { format, output, json } = options;
  if (json && output === undefined) {
    throw new UsageError('--json needs --output, as standard output is the export itself');
  }
  let rows = 0;
  await withDatabase(async (db) => {
    const filter = await filterOf(db, options);
    await db.withTx((tx) =>
      recordCommand(tx, 'audit export', { eventType: 'audit.exported', metadata: { format, ...filter } }),
    );
    async function* counted(): AsyncGenerator<AuditRow[]> {
      for await (const batch of exportAudit(() => db.write(), filter)) {
        rows += batch.length;
        yield batch;
      }
    }
    await interruptible((signal) => writeOut(formatExport(counted(), format), output, signal));
  });
  if (output === undefined) return;
  print(
    { text: `Rows written to ${output}: ${rows}.`, json: { ok: true, file: output, rows } },
    json ?? false,
  );
}

/** A file that could not be written whole is taken away again. */
async function writeOut(
  chunks: AsyncIterable<string>,
  output: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (output === undefined) return pipeline(chunks, process.stdout, { signal, end: false });
  // Of the owner alone, and never over another file.
  const file = createWriteStream(output, { flags: 'wx', mode: 0o600 });
  let isOurs = false;
  file.once('open', () => {
    isOurs = true;
  });
  try {
    await pipeline(chunks, file, { signal });
  } catch (error) {
    if (isOurs) await rm(output, { force: true });
    throw error;
  }
}

async function retain(options: JsonOption & { apply?: boolean; despiteFindings?: boolean }): Promise<void> {
  const config = loadConfig(['AUDIT_RETENTION_MONTHS', 'ENCRYPTION_KEY']);
  const retentionMonths = config.AUDIT_RETENTION_MONTHS;
  if (options.despiteFindings && !options.apply) {
    throw new UsageError('--despite-findings is for --apply');
  }
  const now = new Date();
  const { applied, partitions } = await withDatabase(async (db) => ({
    applied: options.apply
      ? {
          made: await createPartitionsAhead(db),
          ...(await dropExpiredPartitions({
            db,
            keys: deriveChainKeys(config.ENCRYPTION_KEY),
            retentionMonths,
            despiteFindings: options.despiteFindings ?? false,
          })),
        }
      : undefined,
    partitions: await listPartitions(db),
  }));
  const expired = expiredPartitions(partitions, retentionMonths, now).map(({ name }) => name);
  const until = coveredUntil(partitions, now);
  const lines = partitions.map(({ name, from, sizeBytes, estimatedRows }) => [
    from.toISOString().slice(0, 7),
    estimatedRows < 0 ? '' : String(estimatedRows),
    (sizeBytes / 1024 ** 2).toFixed(1),
    expired.includes(name) ? 'to be dropped' : '',
  ]);
  const facts: [string, string][] = [
    ['kept', retentionMonths === 0 ? 'for ever' : `${retentionMonths} months`],
    ['partitions until', until.toISOString().slice(0, 10)],
  ];
  if (applied !== undefined) {
    facts.push(['made now', String(applied.made)], ['dropped now', applied.dropped.join(', ') || 'none']);
    if (applied.refusal !== undefined) facts.push(['REFUSED', applied.refusal]);
  }
  const isWell = applied?.refusal === undefined;
  print(
    {
      text: `${columns(['month', 'rows, about', 'MiB', ''], lines)}\n\n${table(facts)}`,
      json: {
        ok: isWell,
        retentionMonths,
        partitionsUntil: until,
        partitions,
        expired,
        ...(applied !== undefined && { ...applied, refusal: applied.refusal ?? null }),
      },
    },
    options.json ?? false,
  );
  if (!isWell) process.exitCode = ExitCode.failed;
}

async function rekey(options: JsonOption): Promise<void> {
  const keys = deriveChainKeys(loadConfig(['ENCRYPTION_KEY']).ENCRYPTION_KEY);
  const isChanged = await withDatabase((db) =>
    db.withTx(async (tx) => {
      const isOther = await rekeyChain(tx, keys);
      if (isOther) await recordCommand(tx, 'audit rekey', { eventType: 'audit.rekeyed', metadata: {} });
      return isOther;
    }),
  );
  print(
    {
      text: isChanged
        ? 'The chain goes on under the current key; the rows before stay under theirs.'
        : 'The chain goes on under the current key already.',
      json: { ok: true, isChanged },
    },
    options.json ?? false,
  );
}

async function verify(
  options: JsonOption & { expectHead?: { sequence: number; hash: string } },
): Promise<void> {
  const asJson = options.json ?? false;
  const keys = deriveChainKeys(loadConfig(['ENCRYPTION_KEY']).ENCRYPTION_KEY);
  const list: Finding[] = [];
  const startedMs = performance.now();
  const result = await withDatabase((db) =>
    verifyAudit({
      db,
      keys,
      expectHead: options.expectHead,
      onFinding: (finding) => {
        if (!asJson) process.stdout.write(`${sayFinding(finding)}\n`);
        else if (list.length < MAX_FINDINGS_IN_JSON) list.push(finding);
      },
    }),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const { isIntact, rows, head, waiting, notes, findings } = result;
  const found = Object.values(findings).reduce((sum, count) => sum + count, 0);
  print(
    {
      text: table([
        ['audit log', isIntact ? 'as it was sealed' : 'NOT AS IT WAS SEALED'],
        ['findings', String(found)],
        ['rows verified', `${rows} in ${seconds.toFixed(1)} s`],
        ['rows not sealed yet', String(waiting)],
        ['end of the chain', head === null ? 'unknown' : `${head.sequence}:${head.hash}`],
        ...notes.map((note) => ['note', note] as const),
      ]),
      json: {
        ok: isIntact,
        rows,
        seconds: Number(seconds.toFixed(3)),
        head,
        waiting,
        notes,
        counts: findings,
        findings: list,
        findingsOmitted: found - list.length,
      },
    },
    asJson,
  );
  if (!isIntact) process.exitCode = ExitCode.failed;
}

/** One line. Ids and times may be a forger's. */
function sayFinding(finding: Finding): string {
  return lineOf(finding).replaceAll(/\p{Cc}/gu, '\ufffd');
}

function lineOf(finding: Finding): string {
  switch (finding.kind) {
    case 'head':
      return `HEAD       ${finding.why}`;
    case 'anchor':
      return `ANCHOR     ${finding.partition}: ${finding.why}`;
    case 'removed': {
      const { firstSequence, lastSequence, before, after } = finding;
      const which =
        firstSequence === lastSequence
          ? `sequence ${firstSequence}`
          : `sequences ${firstSequence} to ${lastSequence}`;
      const say = (row: typeof before) => (row === null ? 'nothing' : `${row.id} (${row.createdAt})`);
      return `REMOVED    ${which}, between ${say(before)} and ${say(after)}`;
    }
    default: {
      const { kind, sequence, id, createdAt, why } = finding;
      return `${kind.toUpperCase().padEnd(10)} sequence ${sequence ?? 'none'}, ${id} (${createdAt}): ${why}`;
    }
  }
}

async function filterOf(
  db: Parameters<Parameters<typeof withDatabase>[0]>[0],
  options: FilterOptions,
): Promise<AuditFilter> {
  const { eventType, user, from, to } = options;
  // Rows outlive their user: an id need not be anybody's any more.
  const userId = user?.includes('@') ? (await findUser(db.write(), user)).id : user;
  return { eventType, userId, from, to };
}

function eventTypeOf(text: string): string {
  if (EVENT_TYPE_FILTER.test(text)) return text;
  throw new InvalidArgumentError('An event type is expected, or the beginning of one with `.*`.');
}

function momentOf(text: string): Date {
  const isForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const date = new Date(text);
  if (isForm && !Number.isNaN(date.getTime()) && date.getUTCFullYear() >= 1970) return date;
  throw new InvalidArgumentError('A day is expected, as YYYY-MM-DD, or a moment with its zone.');
}

function headOf(text: string): { sequence: number; hash: string } {
  const [, sequence, hash] = /^(\d{1,15}):(v1\.[\w-]{43}\.[\w-]{43})$/.exec(text) ?? [];
  if (sequence !== undefined && hash !== undefined) return { sequence: Number(sequence), hash };
  throw new InvalidArgumentError('An end of the chain is expected, as sequence:hash.');
}
