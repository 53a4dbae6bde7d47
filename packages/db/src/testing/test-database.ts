import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { expect, inject } from 'vitest';
import { databaseUrl, EMPTY_TEMPLATE, MIGRATED_TEMPLATE } from './urls.ts';

export interface TestDatabase {
  readonly name: string;
  /** As sv_owner, direct to Postgres. */
  readonly directUrl: string;
  /** As sv_app, through PgBouncer: what an app has. */
  readonly pooledUrl: string;
  /** As the superuser, direct to Postgres. */
  readonly adminUrl: string;
  /** Fails, naming the test and the connections, when some are still open: a pool that wasn't closed. */
  drop(): Promise<void>;
}

/** Closing is heard by the servers a moment after the client has returned. */
const CLOSING_LIMIT_MS = 2_000;

/** A database of the test's own: a clone of the migrated one, or of one before any migration. */
export async function createTestDatabase(options: { isMigrated?: boolean } = {}): Promise<TestDatabase> {
  const { secrets, postgres, pgbouncer } = inject('databaseServers');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const test = expect.getState().currentTestName ?? expect.getState().testPath ?? 'a test';
  const template = (options.isMigrated ?? true) ? MIGRATED_TEMPLATE : EMPTY_TEMPLATE;
  const maintenanceUrl = databaseUrl(postgres, 'postgres', secrets.postgres_password, 'postgres');
  await withConnection(maintenanceUrl, (client) =>
    client.query(`create database ${name} template ${template} owner sv_owner`),
  );
  return {
    name,
    directUrl: databaseUrl(postgres, 'sv_owner', secrets.db_owner_password, name),
    pooledUrl: databaseUrl(pgbouncer, 'sv_app', secrets.db_app_password, name),
    adminUrl: databaseUrl(postgres, 'postgres', secrets.postgres_password, name),
    drop: () =>
      withConnection(maintenanceUrl, async (client) => {
        const leaks = await waitForClosing(client, name);
        if (leaks.length > 0) {
          throw new Error(
            `"${test}" has left ${leaks.length} connection(s) to its database open:\n${leaks.join('\n')}`,
          );
        }
        // What is left are PgBouncer's own idle connections, which it would keep for minutes. They are waited for: DROP
        // gives up after 5 s, which a busy machine can take to end one ("is being accessed by other users" was seen).
        await client.query(
          'select pg_terminate_backend(pid, 30000) from pg_stat_activity where datname = $1 and client_addr = $2',
          [name, pgbouncer.ipAddress],
        );
        await client.query(`drop database ${name} with (force)`);
      }),
  };
}

async function waitForClosing(client: pg.Client, name: string): Promise<string[]> {
  const deadline = Date.now() + CLOSING_LIMIT_MS;
  for (;;) {
    const open = [...(await directConnections(client, name)), ...(await pooledConnections(name))];
    if (open.length === 0 || Date.now() > deadline) return open;
    await delay(25);
  }
}

async function directConnections(client: pg.Client, name: string): Promise<string[]> {
  const { rows } = await client.query<{ usename: string; state: string; query: string }>(
    `select usename, state, left(query, 80) as query from pg_stat_activity
     where datname = $1 and backend_type = 'client backend' and client_addr is distinct from $2`,
    [name, inject('databaseServers').pgbouncer.ipAddress],
  );
  return rows.map(({ usename, state, query }) => `  ${usename}, direct, ${state}: ${query}`);
}

async function pooledConnections(name: string): Promise<string[]> {
  const { secrets, pgbouncer } = inject('databaseServers');
  const consoleUrl = databaseUrl(pgbouncer, 'sv_monitor', secrets.db_monitor_password, 'pgbouncer');
  const { rows } = await withConnection(consoleUrl, (client) =>
    client.query<{ database: string; user: string; state: string }>('show clients'),
  );
  return rows
    .filter((row) => row.database === name)
    .map(({ user, state }) => `  ${user}, through PgBouncer, ${state}`);
}

async function withConnection<T>(url: string, action: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}
