import { loadConfig } from '@sv-sdk/config';
import { migrationStatus } from '@sv-sdk/db';
import { createLogger } from '@sv-sdk/telemetry';
import type { Command } from 'commander';
import { type SetReport, seedPlatform } from '../bulk/seed.ts';
import { interruptible } from '../interrupt.ts';
import { day, wholeNumber } from '../options.ts';
import { columns, print, UsageError } from '../output.ts';
import { ownerUrl } from '../platform.ts';
import { count, createProgress } from '../progress.ts';

/** More users than this and the server's list of foreign keys to check, 12 bytes each, outgrows its container. */
const MAX_USERS = 10_000_000;
const MAX_ROWS = 1_000_000_000;

interface Options {
  readonly users: number;
  readonly audit: number;
  readonly emails: number;
  readonly seed: number;
  readonly until?: Date;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function addSeedCommand(db: Command): void {
  db.command('seed')
    .description('fills the platform with made-up users, audit rows and emails that were never sent')
    .option('--users <n>', 'how many users; none of them can sign in', wholeNumber(0, MAX_USERS), 0)
    .option('--audit <n>', 'how many audit rows, over the last half a year', wholeNumber(0, MAX_ROWS), 0)
    .option('--emails <n>', 'how many emails, all delivered, bounced or failed', wholeNumber(0, MAX_ROWS), 0)
    .option('--seed <n>', 'another number, other rows', wholeNumber(0, 2 ** 31), 1)
    .option('--until <day>', 'the end of the time over which rows are spread (default: today)', day)
    .option('--force', 'even though the platform has real users')
    .option('--json', 'print JSON')
    .action(runSeed);
}

async function runSeed(options: Options): Promise<void> {
  if (options.users + options.audit + options.emails === 0) {
    throw new UsageError('nothing to seed: --users, --audit or --emails with a number above 0 is expected');
  }
  const started = performance.now();
  const config = loadConfig(['DATABASE_DIRECT_URL', 'DB_OWNER_PASSWORD', 'SV_ADMIN_EMAIL', 'SV_VERSION']);
  const directUrl = await ownerUrl(config);
  await refuseOldSchema(directUrl);
  const sets = await runWithProgress((signal, onProgress) =>
    seedPlatform(directUrl, {
      users: options.users,
      audit: options.audit,
      emails: options.emails,
      seed: options.seed,
      until: options.until ?? today(),
      administratorEmail: config.SV_ADMIN_EMAIL,
      isForced: options.force ?? false,
      signal,
      logger: createLogger({
        service: 'sdk',
        version: config.SV_VERSION,
        level: options.json ? 'silent' : 'warn',
      }),
      onProgress,
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  print(
    {
      text: describeSets(sets, seconds),
      json: { ok: true, seed: options.seed, sets, seconds: Number(seconds.toFixed(3)) },
    },
    options.json ?? false,
  );
}

/** Throws where the tables are not those of this version. */
export async function refuseOldSchema(directUrl: string): Promise<void> {
  const { pending } = await migrationStatus(directUrl);
  if (pending > 0)
    throw new Error(
      `the database lacks ${pending} migration(s) of this version: run \`sdk db migrate\` first`,
    );
}

/** Shows a bar while `action` runs, and ends it on Ctrl-C. */
export async function runWithProgress<T>(
  action: (
    signal: AbortSignal,
    onProgress: (title: string, done: number, total: number) => void,
  ) => Promise<T>,
): Promise<T> {
  const progress = createProgress();
  try {
    return await interruptible((signal) => action(signal, progress.update));
  } finally {
    progress.end();
  }
}

/** What was written, and how fast. */
function describeSets(sets: readonly SetReport[], seconds: number): string {
  const lines = sets.map(({ kind, count: rows, added, seconds: setSeconds }) => [
    kind,
    added === 0 ? `${count(rows)} are there already` : count(added),
    added === 0 ? '' : setSeconds.toFixed(1),
    added === 0 ? '' : count(Math.round(added / setSeconds)),
  ]);
  return `${columns(['set', 'rows written', 'seconds', 'rows/s'], lines)}\nDone in ${seconds.toFixed(1)} s.`;
}

/** The first moment of this day (UTC). */
export function today(): Date {
  return new Date(new Date().toISOString().slice(0, 10));
}
