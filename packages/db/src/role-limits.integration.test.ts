/** No role can hold the database up for long: what each is bounded by, and that the bounds hold. */
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { createTestDatabase, databaseUrl, type TestDatabase } from './testing/index.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const monitorUrl = () => {
  const { postgres, secrets } = inject('databaseServers');
  return databaseUrl(postgres, 'sv_monitor', secrets.db_monitor_password, 'sv');
};

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

test('every role that people or processes have has its limits, through PgBouncer too', async () => {
  const limitsOf = async (url: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(`select current_user as role,
      current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
      current_setting('idle_in_transaction_session_timeout') as idle, current_setting('transaction_timeout') as transaction`);
    await client.end();
    return rows[0];
  };
  expect(await limitsOf(database.pooledUrl)).toEqual({
    role: 'sv_app',
    statement: '15s',
    lock: '5s',
    idle: '30s',
    transaction: '20s',
  });
  // A migration may take long to build an index, and may not keep everybody waiting for its lock.
  expect(await limitsOf(database.directUrl)).toMatchObject({ role: 'sv_owner', lock: '30s', idle: '1min' });
  // Whatever it waits for is part of its statement.
  expect(await limitsOf(monitorUrl())).toMatchObject({ role: 'sv_monitor', statement: '10s' });
});

test('a statement that runs too long, or waits too long for a lock, is ended by Postgres', async () => {
  const [app, waiting, monitor, owner] = await Promise.all([
    connect(database.pooledUrl),
    connect(database.pooledUrl),
    connect(monitorUrl()),
    connect(database.directUrl),
  ]);
  await owner.query('begin; lock table auth.users in access exclusive mode');
  const refusals = [
    app.query('select pg_sleep(60)'),
    monitor.query('select pg_sleep(60)'),
    waiting.query('select from auth.users'),
  ];
  const codes = (await Promise.allSettled(refusals)).map((end) =>
    end.status === 'rejected' && end.reason instanceof pg.DatabaseError ? end.reason.code : 'no error',
  );
  expect(codes).toEqual(['57014', '57014', '55P03']);
  await owner.query('rollback');
  await Promise.all([app, waiting, monitor, owner].map((client) => client.end()));
});
