import { createLogger } from '@sv-sdk/telemetry';
import { count, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate, migrationStatus } from './migrate.ts';
import { emailPreferences, roles } from './schema/index.ts';
import { LOAD_TEST_ROLE, SYSTEM_ROLES } from './system-roles.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import type { Tx } from './transaction.ts';

const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });

let database: TestDatabase;
let admin: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase({ isMigrated: false });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
});

afterEach(async () => {
  await admin.end();
  await database.drop();
});

async function asApp<T>(action: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.pooledUrl });
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}

/** A seed that, like the real ones, may be run any number of times. */
async function seedOnePreference(tx: Tx): Promise<void> {
  await tx
    .insert(emailPreferences)
    .values({ email: 'someone@example.org', unsubscribeToken: 'token' })
    .onConflictDoNothing();
}

test('migrating twice changes nothing the second time', async () => {
  const first = await migrate(database.directUrl, { logger, seeds: [seedOnePreference] });
  expect(first.applied).toBe(first.total);
  expect(first.applied).toBeGreaterThan(0);
  const everything = async () => {
    const { rows } = await admin.query(
      `select (select jsonb_agg(to_jsonb(r) order by name) from permissions.roles r) as roles,
              (select jsonb_agg(to_jsonb(p)) from email.email_preferences p) as preferences,
              (select jsonb_agg(relname order by relname) from pg_class) as relations`,
    );
    return rows[0];
  };
  const before = await everything();
  expect(await migrate(database.directUrl, { logger, seeds: [seedOnePreference] })).toEqual({
    applied: 0,
    total: first.total,
    position: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/),
  });
  expect(await everything()).toEqual(before);
});

test('migrating from two places at once applies every migration once', async () => {
  const reports = await Promise.all(
    Array.from({ length: 4 }, () => migrate(database.directUrl, { logger, seeds: [seedOnePreference] })),
  );
  const { total } = await migrate(database.directUrl, { logger });
  expect(reports.map(({ applied }) => applied).toSorted((a, b) => b - a)).toEqual([total, 0, 0, 0]);
  const db = drizzle(admin);
  expect(await db.select({ rows: count() }).from(emailPreferences)).toEqual([{ rows: 1 }]);
  expect(await db.select({ rows: count() }).from(roles)).toEqual([{ rows: SYSTEM_ROLES.length + 1 }]);
});

test('a migration that waits too long for another says so', async () => {
  const holder = new pg.Client({ connectionString: database.directUrl });
  await holder.connect();
  try {
    // The same number as in migrate.ts: a changed one would let two versions migrate at once.
    await holder.query('select pg_advisory_lock(6005072130269659476)');
    await expect(migrate(database.directUrl, { logger, lockWaitSeconds: 1 })).rejects.toThrow(
      'another migration has not ended within 1 s',
    );
  } finally {
    await holder.end();
  }
  expect((await migrate(database.directUrl, { logger })).applied).toBeGreaterThan(0);
});

test('a failing seed leaves no other seed behind', async () => {
  const failing = async () => {
    throw new Error('no seed today');
  };
  await expect(migrate(database.directUrl, { logger, seeds: [seedOnePreference, failing] })).rejects.toThrow(
    'no seed',
  );
  expect(await drizzle(admin).select({ rows: count() }).from(emailPreferences)).toEqual([{ rows: 0 }]);
});

test('the system roles are seeded, and put back when somebody has changed them', async () => {
  await migrate(database.directUrl, { logger });
  const db = drizzle(admin);
  await db
    .update(roles)
    .set({ permissions: ['*:*:*'], isSystem: false })
    .where(eq(roles.name, 'user'));
  await migrate(database.directUrl, { logger });
  const found = await db
    .select({ name: roles.name, description: roles.description, permissions: roles.permissions })
    .from(roles)
    .where(eq(roles.isSystem, true));
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  expect(found.toSorted(byName)).toEqual([...SYSTEM_ROLES, LOAD_TEST_ROLE].toSorted(byName));
});

test('status tells an empty database from a migrated one', async () => {
  const before = await migrationStatus(database.directUrl);
  expect(before).toMatchObject({ applied: 0, auditPartitionsUntil: null });
  const { total } = await migrate(database.directUrl, { logger });
  const after = await migrationStatus(database.directUrl);
  expect(after).toMatchObject({ applied: total, pending: 0, serverVersion: expect.stringMatching(/^18\./) });
  expect(after.auditPartitionsUntil).toMatch(/^\d{4}_\d{2}$/);
});

test('the audit log has partitions for this month and the next three, and a default', async () => {
  await migrate(database.directUrl, { logger });
  const { rows } = await admin.query<{ name: string; bound: string }>(
    `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits
     join pg_class c on c.oid = inhrelid where inhparent = 'audit.audit_logs'::regclass order by 1`,
  );
  const { rows: months } = await admin.query<{ name: string }>(
    `select to_char(date_trunc('month', now() at time zone 'UTC') + make_interval(months => i), '"audit_logs_"YYYY_MM')
     as name from generate_series(0, 3) i order by 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual([...months.map(({ name }) => name), 'audit_logs_default']);
  expect(rows[0]?.bound).toMatch(
    /^FOR VALUES FROM \('\d{4}-\d{2}-01 00:00:00\+00'\) TO \('\d{4}-\d{2}-01 00:00:00\+00'\)$/,
  );
});

test('a partition made late takes over its rows from the default partition, while the app may ask for it', async () => {
  await migrate(database.directUrl, { logger });
  await asApp(async (app) => {
    await app.query(
      `insert into audit.audit_logs (id, created_at, event_type, metadata)
       values ('in', '2031-05-31T23:59:59.999Z', 'test', '{}'), ('out', '2031-06-01T00:00:00Z', 'test', '{}')`,
    );
    const { rows: made } = await app.query("select audit.create_partitions('2031-05-17', 1) as count");
    expect(made).toEqual([{ count: 1 }]);
    const { rows: again } = await app.query("select audit.create_partitions('2031-05-17', 1) as count");
    expect(again).toEqual([{ count: 0 }]);
    const { rows } = await app.query(
      'select id, tableoid::regclass::text as place from audit.audit_logs order by id',
    );
    expect(rows).toEqual([
      { id: 'in', place: 'audit.audit_logs_2031_05' },
      { id: 'out', place: 'audit.audit_logs_default' },
    ]);
    // The new partition carries the indexes of the others, and no rights of its own.
    await expect(app.query('select from audit.audit_logs_2031_05')).rejects.toThrow('permission denied');
  });
  const { rows } = await admin.query(
    "select count(*)::int as indexes from pg_index where indrelid = 'audit.audit_logs_2031_05'::regclass",
  );
  expect(rows).toEqual([{ indexes: 5 }]);
});

test('partitions asked for from two places at once are made once', async () => {
  await migrate(database.directUrl, { logger });
  const counts = await Promise.all(
    [1, 2, 3].map(() =>
      asApp(async (app) => {
        const { rows } = await app.query<{ count: number }>(
          "select audit.create_partitions('2032-01-01', 12) as count",
        );
        return rows[0]?.count ?? 0;
      }),
    ),
  );
  expect(counts.toSorted((a, b) => b - a)).toEqual([12, 0, 0]);
});

/** What only a trigger or a function of the owner's may write, or only a part of whose columns the app may change. */
const LESS_FOR_THE_APP: Readonly<Record<string, string>> = {
  'auth.user_counts': 'r',
  'audit.audit_logs': 'r,i',
  'audit.audit_logs_*': '',
  'audit.chain_head': 'r',
  'audit.dropped_partitions': 'r',
};

test('sv_app may read and write rows and nothing else; sv_monitor may not even read', async () => {
  await migrate(database.directUrl, { logger });
  const { rows } = await admin.query<{ table: string; app: string; monitor: boolean; owner: string }>(
    `select c.oid::regclass::text as table, pg_get_userbyid(c.relowner) as owner,
       concat_ws(',', case when has_table_privilege('sv_app', c.oid, 'SELECT') then 'r' end,
         case when has_table_privilege('sv_app', c.oid, 'INSERT') then 'i' end,
         case when has_table_privilege('sv_app', c.oid, 'UPDATE') then 'u' end,
         case when has_table_privilege('sv_app', c.oid, 'DELETE') then 'd' end,
         case when has_table_privilege('sv_app', c.oid, 'TRUNCATE') then 't' end,
         case when has_table_privilege('sv_app', c.oid, 'REFERENCES') then 'f' end,
         case when has_table_privilege('sv_app', c.oid, 'TRIGGER') then 'g' end) as app,
       has_schema_privilege('sv_monitor', n.oid, 'USAGE') as monitor
     from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname in ('auth', 'permissions', 'email', 'audit') and relkind in ('r', 'p')`,
  );
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows) {
    const table = row.table.replace(/(?<=^audit\.audit_logs_)(\d{4}_\d{2}|default)$/, '*');
    const app = LESS_FOR_THE_APP[table] ?? 'r,i,u,d';
    expect(row).toMatchObject({ owner: 'sv_owner', app, monitor: false });
  }
  await asApp(async (app) => {
    await expect(app.query('create table auth.mine (id int)')).rejects.toThrow(
      'permission denied for schema auth',
    );
    await expect(app.query('create table public.mine (id int)')).rejects.toThrow(
      'permission denied for schema public',
    );
    await expect(app.query('select * from drizzle.__drizzle_migrations')).rejects.toThrow(
      'permission denied',
    );
    await expect(app.query('drop table auth.users')).rejects.toThrow('must be owner');
  });
});

test('of an audit row sv_app may change the seal alone, in partitions made later too, and delete none', async () => {
  await migrate(database.directUrl, { logger });
  await asApp(async (app) => {
    await app.query("select audit.create_partitions('2031-05-01', 1)");
    await app.query(
      `insert into audit.audit_logs (id, created_at, event_type, metadata)
       values ('now', now(), 'test', '{}'), ('later', '2031-05-01T00:00:00Z', 'test', '{}')`,
    );
    await app.query("update audit.audit_logs set sequence = 1, hash = 'h'");
    for (const column of [
      'id',
      'created_at',
      'event_type',
      'user_id',
      'ip_address',
      'metadata',
      'pii_masked',
    ]) {
      await expect(app.query(`update audit.audit_logs set ${column} = ${column}`), column).rejects.toThrow(
        'permission denied for table audit_logs',
      );
    }
    for (const table of ['audit_logs', 'audit_logs_2031_05', 'chain_head', 'dropped_partitions']) {
      await expect(app.query(`delete from audit.${table}`)).rejects.toThrow('permission denied');
      await expect(app.query(`truncate audit.${table}`)).rejects.toThrow('permission denied');
    }
    await expect(app.query("update audit.audit_logs_2031_05 set hash = 'x'")).rejects.toThrow(
      'permission denied',
    );
    await expect(app.query('insert into audit.dropped_partitions default values')).rejects.toThrow(
      'permission denied',
    );
  });
});

test('a transaction of the app is bounded, also in a cluster whose role is not', async () => {
  await migrate(database.directUrl, { logger });
  const { rows } = await admin.query(
    `select unnest(setconfig) as setting from pg_db_role_setting
     where setrole = 0 and setdatabase = (select oid from pg_database where datname = current_database())`,
  );
  expect(rows).toEqual([{ setting: 'transaction_timeout=20s' }]);
  expect(await asApp((app) => app.query('show transaction_timeout'))).toMatchObject({
    rows: [{ transaction_timeout: '20s' }],
  });
});
