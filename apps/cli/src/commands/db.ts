import { isOfThisStack, isSet, loadConfig, withPassword } from '@sv-sdk/config';
import { type MigrationReport, maxConnectionsOf, migrate, migrationStatus, renewPools } from '@sv-sdk/db';
import { createLogger, type Logger } from '@sv-sdk/telemetry';
import type { Command } from 'commander';
import { backupRows, readBackupStatus } from '../backup-status.ts';
import { planConnections, refuseExcess } from '../connections.ts';
import { ExitCode, print, table } from '../output.ts';
import { ownerUrl } from '../platform.ts';
import { addBackupCommand } from './db-backup.ts';
import { addCheckCommand } from './db-check.ts';
import { addPrepareCommand } from './db-prepare.ts';
import { addRestorePlanCommand } from './db-restore-plan.ts';
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
  addCheckCommand(db);
  addPrepareCommand(db);
  addSeedCommand(db);
  addBackupCommand(db);
  addRestorePlanCommand(db);
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
  const directUrl = await ownerUrl(config);
  // Here, as apps and workers wait for this: none of them starts on a server that has no room for all. Without
  // DATABASE_URL there is no stack whose processes would connect.
  if (isSet('DATABASE_URL')) refuseExcess(planConnections(), await maxConnectionsOf(directUrl));
  // Loaded here: MJML and better-auth take most of a second, which no other command should pay.
  const { platformSeeds } = await import('../seeds/index.ts');
  const report = await migrate(directUrl, {
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
  if (report.applied > 0) await renewPoolsOf(report, logger);
  print(
    {
      text: `Migrations applied now: ${report.applied}, in all: ${report.total}.`,
      json: { ok: true, ...report },
    },
    options.json ?? false,
  );
}

/** Of PgBouncer, where there is one whose console is ours to use; false if some connections are still old. */
async function renewPoolsOf(
  { position }: Pick<MigrationReport, 'position'>,
  logger: Logger,
): Promise<boolean> {
  if (!isSet('PGBOUNCER_CONSOLE_PASSWORD')) return true;
  const config = loadConfig([
    'DATABASE_REPLICA_URL',
    'DATABASE_URL',
    'DB_PASSWORD',
    'PGBOUNCER_CONSOLE_PASSWORD',
    'PGBOUNCER_CONSOLE_URL',
  ]);
  return await renewPools({
    consoleUrl: withPassword(config.PGBOUNCER_CONSOLE_URL, config.PGBOUNCER_CONSOLE_PASSWORD),
    primaryUrl: withPassword(config.DATABASE_URL, config.DB_PASSWORD),
    replicaUrls: config.DATABASE_REPLICA_URL.map((url) => withPassword(url, config.DB_PASSWORD)),
    position,
    logger,
  });
}

async function printStatus(options: Options): Promise<void> {
  const config = loadConfig([
    'DATABASE_DIRECT_URL',
    'DB_OWNER_PASSWORD',
    'BACKUP_REPOSITORY',
    'BACKUP_STATUS_PATH',
  ]);
  const status = await migrationStatus(await ownerUrl(config));
  const backups = await readBackupStatus({
    repository: isOfThisStack(config.DATABASE_DIRECT_URL) ? config.BACKUP_REPOSITORY : 'elsewhere',
    file: config.BACKUP_STATUS_PATH,
  });
  const isCurrent = status.pending === 0;
  print(
    {
      text: table([
        ['migrations applied', String(status.applied)],
        ['migrations pending', String(status.pending)],
        ['audit partitions until', status.auditPartitionsUntil ?? 'none'],
        ['size', `${(status.sizeBytes / 1024 ** 2).toFixed(1)} MiB`],
        ['server', `Postgres ${status.serverVersion}`],
        ...backupRows(backups, status.archive, new Date()),
      ]),
      json: { ok: isCurrent, ...status, backups: backups ?? null },
    },
    options.json ?? false,
  );
  if (!isCurrent) process.exitCode = ExitCode.failed;
}
