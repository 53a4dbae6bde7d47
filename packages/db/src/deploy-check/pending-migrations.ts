/** The migrations of this version that a database lacks, and what the check of them asks of it. */
import type pg from 'pg';
import { withClient } from '../client.ts';
import { lastApplied, migrationsFolder, migrationsIn } from '../migration-journal.ts';
import { checkMigrations, type MigrationCheck } from './check-migrations.ts';

export interface PendingCheck extends MigrationCheck {
  /** Names of the files. */
  readonly pending: readonly string[];
}

/** Whether the version that runs can live with the migrations of this one. Changes nothing. */
export async function checkPendingMigrations(
  directUrl: string,
  folder = migrationsFolder,
): Promise<PendingCheck> {
  return await withClient(directUrl, async (client) => {
    const last = await lastApplied(client);
    const migrations = migrationsIn(folder).filter(({ when }) => when > (last ?? 0));
    const pending = migrations.map(({ file }) => file);
    // Nothing runs on a database that is empty.
    if (last === undefined) return { pending, refused: [], contracting: [] };
    return { pending, ...(await checkMigrations(migrations, await liveFacts(client))) };
  });
}

async function liveFacts(client: pg.Client) {
  const { rows } = await client.query<{ name: string; is_index: boolean; bytes: string }>(
    `select nspname || '.' || relname as name, relkind in ('i', 'I') as is_index,
            case when relkind = 'p' then
              (select coalesce(sum(pg_table_size(relid)), 0) from pg_partition_tree(pg_class.oid) where isleaf)
            else pg_table_size(pg_class.oid) end::text as bytes
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where relkind in ('r', 'p', 'i', 'I') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
  );
  const bytes = new Map(rows.map((row) => [row.name, Number(row.bytes)]));
  const indexes = new Set(rows.filter((row) => row.is_index).map(({ name }) => name));
  return {
    bytesOf: (table: string) => bytes.get(table) ?? 0,
    hasIndex: (name: string) => indexes.has(name),
  };
}
