import type { Logger } from '@sv-sdk/telemetry';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate as runDrizzleMigrations } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { withClient } from './client.ts';
import { lastApplied, migrationsFolder, migrationsIn } from './migration-journal.ts';
import { seedSystemRoles } from './system-roles.ts';
import { type Tx, transactOn } from './transaction.ts';

/** Any number that nothing else locks: "SVMIGRAT" in ASCII. */
const MIGRATION_LOCK = '6005072130269659476';
const DEFAULT_LOCK_WAIT_SECONDS = 120;
/** This month and the next three: a quarter in which nobody has to migrate. */
const AUDIT_MONTHS_AHEAD = 4;

/** Writes rows that must be there; runs at every migration, so it must change nothing the second time. */
export type Seed = (tx: Tx) => Promise<void>;

export interface MigrationReport {
  /** Migrations that this run applied. */
  readonly applied: number;
  readonly total: number;
  /** Where the primary's log ended after it: a replica that has replayed so far knows all of it. */
  readonly position: string;
}

/**
 * Brings the database behind `directUrl` to this version: migrations, partitions of the audit log, seeds.
 * Safe to run twice and from two places at once: a session advisory lock lets one after the other, for which
 * the connection has to be direct (behind PgBouncer the session would be anybody's). drizzle's own migrator
 * takes no lock. All migrations are one transaction, and so are all seeds.
 */
export async function migrate(
  directUrl: string,
  options: { logger: Logger; seeds?: readonly Seed[]; lockWaitSeconds?: number },
): Promise<MigrationReport> {
  const { logger, seeds = [], lockWaitSeconds = DEFAULT_LOCK_WAIT_SECONDS } = options;
  return await withClient(directUrl, async (client) => {
    // Of the database since migration 0003, for apps; all migrations are one transaction and may take their time.
    await client.query('set transaction_timeout = 0');
    await lock(client, { logger, lockWaitSeconds });
    const before = await appliedMigrations(client);
    await runDrizzleMigrations(drizzle(client), { migrationsFolder });
    await client.query("select audit.create_partitions((now() at time zone 'UTC')::date, $1)", [
      AUDIT_MONTHS_AHEAD,
    ]);
    await transactOn(
      client,
      async (tx) => {
        for (const seed of [seedSystemRoles, ...seeds]) await seed(tx);
      },
      // The client is closed in any case.
      { logger, onBroken: (error) => logger.warn({ err: error }, 'the connection of the migration broke') },
    );
    const total = await appliedMigrations(client);
    const report = { applied: total - before, total, position: await position(client) };
    logger.info(report, report.applied === 0 ? 'the schema was up to date' : 'the schema was migrated');
    return report;
  });
}

export interface MigrationStatus {
  readonly applied: number;
  /** Migrations of this version that the database lacks. */
  readonly pending: number;
  readonly serverVersion: string;
  readonly sizeBytes: number;
  /** The last month (YYYY_MM) with a partition of its own in the audit log. */
  readonly auditPartitionsUntil: string | null;
  /** The last WAL that went into the backups' archive, and the last failure since. */
  readonly archive: { readonly archivedAt: Date | null; readonly failedAt: Date | null };
}

/** What the server behind `directUrl` allows, whatever the settings say that it should. */
export async function maxConnectionsOf(directUrl: string): Promise<number> {
  return await withClient(directUrl, async (client) => {
    const { rows } = await client.query<{ most: number }>(
      "select current_setting('max_connections')::int as most",
    );
    if (rows[0] === undefined) throw new Error('the server answered with no row');
    return rows[0].most;
  });
}

/** Where the database behind `directUrl` stands; changes nothing. */
export async function migrationStatus(directUrl: string): Promise<MigrationStatus> {
  return await withClient(directUrl, async (client) => {
    const { rows } = await client.query<{
      server_version: string;
      size_bytes: string;
      until: string | null;
      archived_at: Date | null;
      archive_failed_at: Date | null;
    }>(
      `select current_setting('server_version') as server_version, last_archived_time as archived_at,
              case when last_failed_time > coalesce(last_archived_time, '-infinity') then last_failed_time end as archive_failed_at,
              pg_database_size(current_database())::text as size_bytes,
              (select max(right(relname, 7)) from pg_class
               where relnamespace = to_regnamespace('audit') and relname ~ '^audit_logs_\\d{4}_\\d{2}$') as until
       from pg_stat_archiver`,
    );
    const [facts] = rows;
    if (facts === undefined) throw new Error('the server answered with no row');
    const last = (await lastApplied(client)) ?? 0;
    return {
      applied: await appliedMigrations(client),
      // Not a difference of counts: after a rollback the database has more than this version knows.
      pending: migrationsIn(migrationsFolder).filter(({ when }) => when > last).length,
      serverVersion: facts.server_version,
      sizeBytes: Number(facts.size_bytes),
      auditPartitionsUntil: facts.until,
      archive: { archivedAt: facts.archived_at, failedAt: facts.archive_failed_at },
    };
  });
}

async function lock(client: pg.Client, options: { logger: Logger; lockWaitSeconds: number }): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
    MIGRATION_LOCK,
  ]);
  if (rows[0]?.locked) return;
  options.logger.info(
    { lockWaitSeconds: options.lockWaitSeconds },
    'another migration is running; waiting for it',
  );
  await client.query("select set_config('lock_timeout', $1, false)", [`${options.lockWaitSeconds}s`]);
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== '55P03') throw error;
    throw new Error(`another migration has not ended within ${options.lockWaitSeconds} s`, { cause: error });
  }
  await client.query('reset lock_timeout');
}

async function appliedMigrations(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ is_there: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as is_there",
  );
  if (!rows[0]?.is_there) return 0;
  const { rows: counts } = await client.query<{ count: string }>(
    'select count(*)::text as count from drizzle.__drizzle_migrations',
  );
  return Number(counts[0]?.count ?? 0);
}

async function position(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ position: string }>(
    'select pg_current_wal_insert_lsn()::text as position',
  );
  if (rows[0] === undefined) throw new Error('the server answered with no row');
  return rows[0].position;
}
