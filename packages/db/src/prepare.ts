import pg from 'pg';
import { withClient } from './client.ts';
import { scramVerifier } from './scram.ts';

/** transaction_timeout, which the audit log's sealing leans on, came with 17. */
const MIN_MAJOR_VERSION = 17;
const INSUFFICIENT_PRIVILEGE = '42501';

/** As infra/postgres/bootstrap.sql has them; what only the bundled servers need (replication, auth_query) is left out. */
const ROLE_SETTINGS = {
  sv_owner: { lock_timeout: '30s' },
  sv_app: {
    statement_timeout: '15s',
    lock_timeout: '5s',
    idle_in_transaction_session_timeout: '30s',
    transaction_timeout: '20s',
  },
  sv_monitor: { statement_timeout: '10s' },
} as const;
type PlatformRole = keyof typeof ROLE_SETTINGS;
const ROLE_NAMES = Object.keys(ROLE_SETTINGS) as PlatformRole[];

export interface PrepareOptions {
  /** Of the role that may create roles and databases, and of a database that is there already. */
  readonly adminUrl: string;
  /** The platform's own. */
  readonly database: string;
  readonly passwords: Readonly<Record<PlatformRole, string>>;
}

export interface PrepareReport {
  readonly serverVersion: string;
  readonly rolesMade: readonly string[];
  readonly database: 'made' | 'given to sv_owner' | 'there already';
  /** What the administrator was not allowed to do, and what is missing for it. */
  readonly notes: readonly string[];
}

/**
 * Makes a server that somebody else runs ready for migrations: roles with the passwords of the secrets, and the database.
 * The administrator need not be a superuser (CREATEROLE and CREATEDB will do). Changes nothing the second time, but for
 * passwords that are others now.
 */
export async function prepareServer(options: PrepareOptions): Promise<PrepareReport> {
  return await withClient(options.adminUrl, async (admin) => {
    const serverVersion = await checkVersion(admin);
    const rolesMade = await makeRoles(admin, options.passwords);
    const notes: string[] = [];
    if (!(await mayMonitor(admin))) {
      await ifAllowed(admin, 'grant pg_monitor to sv_monitor', notes, MONITOR_NOTE);
    }
    const database = await asMemberOfOwner(admin, async () => {
      const outcome = await makeDatabase(admin, options.database);
      const inside = new URL(options.adminUrl);
      inside.pathname = `/${options.database}`;
      await withClient(inside.href, (client) => secureDatabase(client, options.database, notes));
      return outcome;
    });
    return { serverVersion, rolesMade, database, notes };
  });
}

const MONITOR_NOTE =
  'sv_monitor is no member of pg_monitor: metrics of replication, and of what others run, are missing';
const STATEMENTS_NOTE = 'the extension pg_stat_statements is not there: statistics of queries are missing';

async function checkVersion(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ version: string; number: string }>(
    "select current_setting('server_version') as version, current_setting('server_version_num') as number",
  );
  const { version = 'unknown', number = '0' } = rows[0] ?? {};
  if (Number(number) < MIN_MAJOR_VERSION * 10_000) {
    throw new Error(`the server is Postgres ${version}; ${MIN_MAJOR_VERSION} or later is expected`);
  }
  return version;
}

async function makeRoles(
  admin: pg.Client,
  passwords: Readonly<Record<PlatformRole, string>>,
): Promise<string[]> {
  const { rows } = await admin.query<{ rolname: string }>(
    'select rolname from pg_roles where rolname = any($1)',
    [ROLE_NAMES],
  );
  const there = new Set(rows.map(({ rolname }) => rolname));
  for (const role of ROLE_NAMES) {
    const verb = there.has(role) ? 'alter' : 'create';
    const verifier = admin.escapeLiteral(scramVerifier(passwords[role]));
    await admin.query(`${verb} role ${role} login password ${verifier}`);
    for (const [name, value] of Object.entries(ROLE_SETTINGS[role])) {
      await admin.query(`alter role ${role} set ${name} = '${value}'`);
    }
  }
  return ROLE_NAMES.filter((role) => !there.has(role));
}

/** Whoever looks after the server may have given it, which then need not be allowed to us. */
async function mayMonitor(admin: pg.Client): Promise<boolean> {
  const { rows } = await admin.query<{ may: boolean }>(
    "select pg_has_role('sv_monitor', 'pg_monitor', 'member') as may",
  );
  return rows[0]?.may ?? false;
}

/** Who isn't a superuser may hand something to a role only as its member; and is one for no longer than that. */
async function asMemberOfOwner<T>(admin: pg.Client, action: () => Promise<T>): Promise<T> {
  const { rows } = await admin.query<{ is_member: boolean }>(
    "select pg_has_role(current_user, 'sv_owner', 'set') as is_member",
  );
  if (rows[0]?.is_member) return await action();
  await admin.query('grant sv_owner to current_user');
  try {
    return await action();
  } finally {
    await admin.query('revoke sv_owner from current_user');
  }
}

async function makeDatabase(admin: pg.Client, name: string): Promise<PrepareReport['database']> {
  const { rows } = await admin.query<{ owner: string }>(
    'select pg_get_userbyid(datdba) as owner from pg_database where datname = $1',
    [name],
  );
  const owner = rows[0]?.owner;
  if (owner === 'sv_owner') return 'there already';
  const database = admin.escapeIdentifier(name);
  if (owner === undefined) {
    await admin.query(`create database ${database} owner sv_owner encoding 'UTF8'`);
    return 'made';
  }
  await admin.query(`alter database ${database} owner to sv_owner`);
  return 'given to sv_owner';
}

/** Nobody but the platform's roles, and the administrator, comes in. */
async function secureDatabase(client: pg.Client, name: string, notes: string[]): Promise<void> {
  const database = client.escapeIdentifier(name);
  const { rows } = await client.query<{ administrator: string }>('select current_user as administrator');
  const administrator = client.escapeIdentifier(rows[0]?.administrator ?? '');
  await ifAllowed(client, 'create extension if not exists pg_stat_statements', notes, STATEMENTS_NOTE);
  await client.query('set role sv_owner');
  await client.query(`revoke connect, temporary on database ${database} from public`);
  await client.query(`grant connect on database ${database} to sv_app, sv_monitor, ${administrator}`);
  await client.query('revoke create on schema public from public');
}

/** For what the platform can do without. */
async function ifAllowed(client: pg.Client, statement: string, notes: string[], note: string): Promise<void> {
  try {
    await client.query(statement);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    notes.push(`${note} (${error.message})`);
  }
}
