/** What the platform relies on in PgBouncer: who gets in, prepared statements, and a storm of connections. */
import { createLogger } from '@sv-sdk/telemetry';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bigint, integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { createPool } from './pool.ts';
import { renewPools } from './renew-pools.ts';
import {
  databaseUrl,
  makeSecrets,
  SOON,
  startPgbouncer,
  startPrimary,
  startReplica,
  type TestServer,
} from './testing/index.ts';

const POOL_SIZE = 5;
/** As in infra/pgbouncer/entrypoint.sh. */
const LOOKUPS = 2;
const CLIENTS = 500;
/** A machine that is busy elsewhere takes its time for 500 logins. */
const STORM_LIMIT_MS = 45_000;

const { network } = inject('databaseServers');
const secrets = makeSecrets();
const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });

let primary: TestServer;
let replica: TestServer;
let pgbouncer: TestServer;
let admin: pg.Client;

beforeAll(async () => {
  primary = await startPrimary({ network, secrets });
  replica = await startReplica({ network, secrets, primary: primary.internalHost, slot: 'replica_1' });
  pgbouncer = await startPgbouncer({
    network,
    secrets,
    server: primary.internalHost,
    replica: replica.internalHost,
    poolSize: POOL_SIZE,
  });
  admin = new pg.Client({ connectionString: adminUrl('sv') });
  await admin.connect();
});

// The containers go with their network.
afterAll(() => admin.end());

const adminUrl = (database: string) => databaseUrl(primary, 'postgres', secrets.postgres_password, database);
const appUrl = (database: string, password = secrets.db_app_password) =>
  databaseUrl(pgbouncer, 'sv_app', password, database);
const consoleUrl = () =>
  databaseUrl(pgbouncer, 'sv_console', secrets.pgbouncer_console_password, 'pgbouncer');

/** As after a migration that ended here. */
async function renewAll(console = consoleUrl()): Promise<boolean> {
  return await renewPools({
    consoleUrl: console,
    primaryUrl: appUrl('sv'),
    replicaUrls: [appUrl('sv_ro')],
    position: await position(),
    logger,
  });
}

async function position(): Promise<string> {
  const { rows } = await admin.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
  return rows[0]?.lsn ?? '';
}

/** A connection that is closed with the test. */
async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

test('servers whose addresses were exchanged are found again, also by connections that were at rest', async () => {
  const servers = [primary, replica];
  const [primaryAddress, replicaAddress] = servers.map(({ container }) => container.getIpAddress(network));
  const hosts = (text: string) =>
    pgbouncer.container.exec(['sh', '-c', `${text} >/etc/hosts.new && cat /etc/hosts.new >/etc/hosts`], {
      user: 'root',
    });
  const roles = async () => {
    const role = async (database: string) => {
      const client = new pg.Client({ connectionString: appUrl(database) });
      client.on('error', () => undefined);
      try {
        await client.connect();
        const { rows } = await client.query<{ is: boolean }>('select pg_is_in_recovery() as is');
        return rows[0]?.is ? 'standby' : 'primary';
      } finally {
        await client.end();
      }
    };
    return { sv: await role('sv'), sv_ro: await role('sv_ro') };
  };
  expect(await roles()).toEqual({ sv: 'primary', sv_ro: 'standby' });
  // As when both containers were made anew, and each got the other's address.
  await hosts(
    `{ cat /etc/hosts; echo '${replicaAddress} ${primary.internalHost}'; echo '${primaryAddress} ${replica.internalHost}'; }`,
  );
  try {
    await expect.poll(roles, SOON).toEqual({ sv: 'standby', sv_ro: 'primary' });
  } finally {
    await hosts(`grep -v -e ${primary.internalHost} -e ${replica.internalHost} /etc/hosts`);
  }
  await expect.poll(roles, SOON).toEqual({ sv: 'primary', sv_ro: 'standby' });
});

describe('who gets in', () => {
  const knock = async (user: string, password: string) => {
    const client = new pg.Client({ connectionString: databaseUrl(pgbouncer, user, password, 'sv') });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return 'in';
    } catch {
      return 'refused';
    } finally {
      await client.end();
    }
  };

  test('a role is refused from the moment at which its password ends', async () => {
    await admin.query("create role guest login password 'guest-password'");
    await admin.query('grant connect on database sv to guest');
    expect(await knock('guest', 'guest-password')).toBe('in');
    await admin.query("alter role guest valid until 'tomorrow'");
    expect(await knock('guest', 'guest-password')).toBe('in');
    await admin.query("alter role guest valid until 'yesterday'");
    expect(await knock('guest', 'guest-password')).toBe('refused');
    await admin.query("alter role guest nologin valid until 'infinity'");
    expect(await knock('guest', 'guest-password')).toBe('refused');
  });

  test('neither the superuser nor replication come through, though their passwords are right', async () => {
    for (const [user, password] of [
      ['postgres', secrets.postgres_password],
      ['sv_replicator', secrets.db_replication_password],
    ] as const) {
      const direct = new pg.Client({ connectionString: databaseUrl(primary, user, password, 'postgres') });
      await direct.connect();
      await direct.end();
      expect(await knock(user, password), user).toBe('refused');
    }
  });

  test('what PgBouncer asks tells it no password of those, and nobody else may ask', async () => {
    const lookUp = (client: pg.Client, role: string) =>
      client.query('select username, password from pgbouncer.get_auth($1)', [role]);
    const asker = await connect(databaseUrl(primary, 'sv_pgbouncer', secrets.db_pgbouncer_password, 'sv'));
    expect((await lookUp(asker, 'sv_app')).rows).toEqual([
      { username: 'sv_app', password: expect.stringMatching(/^SCRAM-SHA-256\$/) },
    ]);
    for (const role of ['postgres', 'sv_replicator', 'pg_monitor', 'nobody']) {
      expect((await lookUp(asker, role)).rows, role).toEqual([]);
    }
    for (const [user, password] of [
      ['sv_app', secrets.db_app_password],
      ['sv_owner', secrets.db_owner_password],
    ] as const) {
      const other = await connect(databaseUrl(primary, user, password, 'sv'));
      await expect(lookUp(other, 'sv_app'), user).rejects.toThrow('permission denied for schema pgbouncer');
    }
  });

  test('the function that is asked finds its names in the catalogue first, and in nothing of a caller’s', async () => {
    const { rows } = await admin.query(
      "select prosecdef, proconfig from pg_proc where oid = 'pgbouncer.get_auth(text)'::regprocedure",
    );
    expect(rows).toEqual([{ prosecdef: true, proconfig: ['search_path=pg_catalog, pg_temp'] }]);
  });

  test('a new password of the app holds at once, for new clients and for new connections to the server', async () => {
    const old = await connect(appUrl('sv'));
    const password = 'another-password';
    await admin.query(`alter role sv_app password '${password}'`);
    onTestFinished(async () => {
      await admin.query(`alter role sv_app password '${secrets.db_app_password}'`);
      await (await connect(appUrl('sv'))).query('select 1');
    });
    await expect(connect(appUrl('sv'))).rejects.toThrow('authentication failed');
    const renewed = await connect(appUrl('sv', password));
    await (await connect(consoleUrl())).query('RECONNECT');
    expect((await renewed.query('select current_user as name')).rows).toEqual([{ name: 'sv_app' }]);
    // Who was in stays in.
    expect((await old.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  test('a pool whose password changes outlasts the moment in which the server knows another one', async () => {
    let [password, isServerAhead] = [secrets.db_app_password, false];
    const next = 'the-password-after-it';
    // The file follows the server once the old password was read from it again.
    const readPassword = () => {
      const read = password;
      if (isServerAhead) password = next;
      return read;
    };
    const pool = createPool({
      name: 'changing',
      url: () => appUrl('sv', readPassword()),
      min: 0,
      max: 2,
      waitMs: 10_000,
      logger,
    });
    onTestFinished(() => pool.end());
    const held = await pool.connect();
    const setPassword = async (value: string) => {
      const { exitCode, output } = await primary.container.exec([
        'sh',
        '-c',
        `printf %s '${value}' | set-password.sh sv_app`,
      ]);
      expect(exitCode, output).toBe(0);
    };
    await setPassword(next);
    onTestFinished(async () => {
      await setPassword(secrets.db_app_password);
      await (await connect(appUrl('sv'))).query('select 1');
    });
    isServerAhead = true;
    const { rows } = await pool.query<{ name: string }>('select current_user as name');
    expect(rows).toEqual([{ name: 'sv_app' }]);
    expect(password).toBe(next);
    await held.query('select 1');
    held.release();
  });

  test('the console is open to its own user alone, who is nobody in Postgres', async () => {
    const monitor = await connect(
      databaseUrl(pgbouncer, 'sv_monitor', secrets.db_monitor_password, 'pgbouncer'),
    );
    await expect(monitor.query('RECONNECT')).rejects.toThrow('admin access needed');
    await expect(connect(appUrl('pgbouncer'))).rejects.toThrow('not allowed');
    expect(await knock('sv_console', secrets.pgbouncer_console_password)).toBe('refused');
  });
});

describe('prepared statements', () => {
  const before = pgTable('things', { id: integer('id'), amount: integer('amount') });
  const after = pgTable('things', {
    id: integer('id'),
    amount: bigint('amount', { mode: 'number' }),
    note: text('note'),
  });
  const NAMED = { name: 'things-by-id', text: 'select id, amount from things where id = $1', values: [1] };

  beforeEach(async () => {
    const owner = await connect(databaseUrl(primary, 'sv_owner', secrets.db_owner_password, 'sv'));
    await owner.query('drop table if exists things');
    await owner.query('create table things (id integer primary key, amount integer)');
    await owner.query('grant select on things to sv_app');
    await owner.query('insert into things values (1, 7)');
    await replayed();
  });

  const replayed = async () => {
    const wanted = await position();
    const client = await connect(databaseUrl(replica, 'postgres', secrets.postgres_password, 'sv'));
    await expect
      .poll(async () => {
        const { rows } = await client.query('select pg_last_wal_replay_lsn() >= $1::pg_lsn as yes', [wanted]);
        return rows[0].yes;
      })
      .toBe(true);
  };
  const migrateThings = async () => {
    const owner = await connect(databaseUrl(primary, 'sv_owner', secrets.db_owner_password, 'sv'));
    await owner.query('alter table things alter amount type bigint, add note text');
  };

  test.each(['sv', 'sv_ro'])(
    'by name, through %s: more clients than connections, and an open client goes on across a migration',
    async (database) => {
      const clients = await Promise.all(
        Array.from({ length: 3 * POOL_SIZE }, () => connect(appUrl(database))),
      );
      const askAll = () => Promise.all(clients.map(async (client) => (await client.query(NAMED)).rows));
      // A transaction on each connection to the server, all open at once: else one of them could answer everybody.
      const askOnEveryConnection = async () => {
        const holders = clients.slice(0, POOL_SIZE);
        await Promise.all(holders.map((client) => client.query('begin')));
        const answers = await Promise.allSettled(holders.map((client) => client.query(NAMED)));
        await Promise.all(holders.map((client) => client.query('rollback')));
        return answers;
      };
      expect(await askAll()).toEqual(clients.map(() => [{ id: 1, amount: 7 }]));
      for (const answer of await askOnEveryConnection()) expect(answer.status).toBe('fulfilled');

      await migrateThings();
      await replayed();
      // What this is about: Postgres refuses what was prepared for the old type, whoever asks.
      for (const answer of await askOnEveryConnection()) {
        expect(answer).toMatchObject({
          status: 'rejected',
          reason: { code: '0A000', routine: 'RevalidateCachedQuery' },
        });
      }

      expect(await renewAll()).toBe(true);
      for (let round = 0; round < 3; round += 1) {
        expect(await askAll()).toEqual(clients.map(() => [{ id: 1, amount: '7' }]));
      }
    },
  );

  test.each(['sv', 'sv_ro'])("drizzle's, through %s, before and after a migration", async (database) => {
    const pool = new pg.Pool({ connectionString: appUrl(database), max: 2 * POOL_SIZE });
    onTestFinished(() => pool.end());
    const db = drizzle(pool);
    const byId = (table: typeof before | typeof after, name: string) =>
      db
        .select()
        .from(table)
        .where(eq(table.id, sql.placeholder('id')))
        .prepare(name);
    const old = byId(before, 'things_old');
    const ask = (statement: typeof old) =>
      Promise.all(Array.from({ length: 20 }, () => statement.execute({ id: 1 })));
    for (const rows of await ask(old)) expect(rows).toEqual([{ id: 1, amount: 7 }]);

    await migrateThings();
    expect(await renewAll()).toBe(true);
    // The release before asks what it always asked, the new one for the new column.
    for (const rows of await ask(old)) expect(rows).toMatchObject([{ id: 1 }]);
    for (const rows of await ask(byId(after, 'things_new') as typeof old)) {
      expect(rows).toEqual([{ id: 1, amount: 7, note: null }]);
    }
  });

  test('while its connections are replaced a busy PgBouncer fails no statement and cuts no transaction', async () => {
    const clients = await Promise.all(
      Array.from({ length: 4 * POOL_SIZE }, (_, index) => connect(appUrl(index % 2 ? 'sv' : 'sv_ro'))),
    );
    const inTransaction = await connect(appUrl('sv'));
    const backend = async () => (await inTransaction.query('select pg_backend_pid() as pid')).rows[0].pid;
    await inTransaction.query('begin');
    const pid = await backend();
    let isOver = false;
    const asked = Promise.all(
      clients.map(async (client) => {
        let count = 0;
        for (; !isOver; count += 1) await client.query(NAMED);
        return count;
      }),
    );
    // What fails is told by whoever awaits it.
    asked.catch(() => undefined);
    const pidsOfApp = async () => {
      const { rows } = await admin.query("select pid from pg_stat_activity where usename = 'sv_app'");
      return rows.map((row): number => row.pid);
    };

    const old = await pidsOfApp();
    const renewing = renewAll();
    await expect
      .poll(async () => (await pidsOfApp()).filter((one) => old.includes(one)), { interval: 50 })
      .toEqual([pid]);
    expect(await backend()).toBe(pid);
    await inTransaction.query('commit');
    expect(await renewing).toBe(true);
    for (let round = 0; round < 3; round += 1) expect(await renewAll()).toBe(true);
    isOver = true;
    for (const count of await asked) expect(count).toBeGreaterThan(0);
    const { rows } = await (await connect(consoleUrl())).query('SHOW CONFIG');
    expect(rows.find(({ key }) => key === 'server_lifetime').value).toBe('3600');
  });

  test('where no PgBouncer runs, or it refuses, the migration does not fail of it', async () => {
    expect(await renewAll('postgres://sv_console:none@127.0.0.1:1/pgbouncer')).toBe(true);
    expect(await renewAll(databaseUrl(pgbouncer, 'sv_console', 'wrong', 'pgbouncer'))).toBe(false);
  });
});

test(`${CLIENTS} clients that connect at once are all served, over no more connections to Postgres than are planned`, {
  timeout: 2 * STORM_LIMIT_MS,
}, async () => {
  let isOver = false;
  let most = 0;
  const watching = (async () => {
    while (!isOver) {
      const { rows } = await admin.query<{ count: number }>(
        "select count(*)::int from pg_stat_activity where usename in ('sv_app', 'sv_pgbouncer')",
      );
      most = Math.max(most, rows[0]?.count ?? 0);
    }
  })();
  const started = performance.now();
  const clients = Array.from(
    { length: CLIENTS },
    () => new pg.Client({ connectionString: appUrl('sv'), connectionTimeoutMillis: STORM_LIMIT_MS }),
  );
  const answers = await Promise.allSettled(
    clients.map(async (client, index) => {
      await client.connect();
      return (await client.query('select $1::int as index', [index])).rows[0].index;
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  isOver = true;
  await watching;
  await Promise.all(clients.map((client) => client.end()));
  const served = answers.filter(({ status }) => status === 'fulfilled').length;
  process.stdout.write(
    `${CLIENTS} clients at once: ${served} served in ${seconds.toFixed(1)} s, over ${most} connections\n`,
  );
  expect(answers).toEqual(clients.map((_, index) => ({ status: 'fulfilled', value: index })));
  expect(most).toBeLessThanOrEqual(POOL_SIZE + LOOKUPS);
});
