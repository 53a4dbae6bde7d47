/** What migrations this version has, and how far a database is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

export const migrationsFolder = fileURLToPath(new URL('../migrations', import.meta.url));

export interface Migration {
  /** From the repository's root. */
  readonly file: string;
  readonly sql: string;
  /** Milliseconds; drizzle goes by it. */
  readonly when: number;
}

export function migrationsIn(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string; when: number }[];
  };
  return journal.entries.map(({ tag, when }) => ({
    file: `packages/db/migrations/${tag}.sql`,
    sql: readFileSync(join(folder, `${tag}.sql`), 'utf8'),
    when,
  }));
}

/** By drizzle's own rule: everything that is dated after it is pending. */
export async function lastApplied(client: pg.Client): Promise<number | undefined> {
  const { rows: tables } = await client.query<{ is_there: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as is_there",
  );
  if (!tables[0]?.is_there) return undefined;
  const { rows } = await client.query<{ last: string | null }>(
    'select max(created_at)::text as last from drizzle.__drizzle_migrations',
  );
  return rows[0]?.last == null ? undefined : Number(rows[0].last);
}
