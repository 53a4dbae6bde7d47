import { loadConfig, withPassword } from '@sv-sdk/config';
import { migrate, migrationStatus } from '@sv-sdk/db';
import { createLogger } from '@sv-sdk/telemetry';
import type { Command } from 'commander';
import { ExitCode, print, table } from '../output.ts';
import { addBackupCommand } from './db-backup.ts';
import { addSeedCommand } from './db-seed.ts';

export function addDatabaseCommands(program: Command): void {
  const db = program.command('db').description('the database');
  db.command('migrate')
    .description(
      'brings the database to this version: schema, partitions, seeded rows; safe to run at any time',
    )
    .option('--json', 'print JSON')
    .action(runMigrate);
  db.command('status')
    .description('where the database stands; exit code 1 if migrations are pending')
    .option('--json', 'print JSON')
    .action(printStatus);
  addSeedCommand(db);
  addBackupCommand(db);
}

interface Options {
  readonly json?: boolean;
}

async function runMigrate(options: Options): Promise<void> {
  const config = loadConfig([
    'LOG_LEVEL',
    'SV_VERSION',
    'DATABASE_DIRECT_URL',
    'DB_OWNER_PASSWORD',
    'SV_ADMIN_EMAIL',
    'ADMIN_PASSWORD',
    'LOAD_API_KEY',
    'LOAD_TEST_RATE_LIMIT_PER_MINUTE',
  ]);
  const logger = createLogger({
    service: 'migrate',
    version: config.SV_VERSION,
    // With --json the answer is the only line on standard output.
    level: options.json ? 'silent' : config.LOG_LEVEL,
  });
  // Loaded here: MJML and better-auth take most of a second, which no other command should pay.
  const { platformSeeds } = await import('../seeds/index.ts');
  const report = await migrate(withPassword(config.DATABASE_DIRECT_URL, config.DB_OWNER_PASSWORD), {
    logger,
    seeds: platformSeeds({
      administrator: { email: config.SV_ADMIN_EMAIL, password: config.ADMIN_PASSWORD },
      loadTest: {
        apiKey: config.LOAD_API_KEY,
        rateLimitPerMinute: config.LOAD_TEST_RATE_LIMIT_PER_MINUTE,
      },
      logger,
    }),
  });
  print(
    {
      text: `Migrations applied now: ${report.applied}, in all: ${report.total}.`,
      json: { ok: true, ...report },
    },
    options.json ?? false,
  );
}

async function printStatus(options: Options): Promise<void> {
  const config = loadConfig(['DATABASE_DIRECT_URL', 'DB_OWNER_PASSWORD']);
  const status = await migrationStatus(withPassword(config.DATABASE_DIRECT_URL, config.DB_OWNER_PASSWORD));
  const isCurrent = status.pending === 0;
  print(
    {
      text: table([
        ['migrations applied', String(status.applied)],
        ['migrations pending', String(status.pending)],
        ['audit partitions until', status.auditPartitionsUntil ?? 'none'],
        ['size', `${(status.sizeBytes / 1024 ** 2).toFixed(1)} MiB`],
        ['server', `Postgres ${status.serverVersion}`],
      ]),
      json: { ok: isCurrent, ...status },
    },
    options.json ?? false,
  );
  if (!isCurrent) process.exitCode = ExitCode.failed;
}
