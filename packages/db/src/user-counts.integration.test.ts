/** auth.user_counts is kept by a trigger (migration 0002, ADR 0012). */
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';

let database: TestDatabase;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  database = await createTestDatabase();
  stack.defer(() => database.drop());
});

afterEach(() => stack.disposeAsync());

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  stack.defer(() => client.end());
  return client;
}

/** By role: what the trigger has counted, and what there is. */
async function counts(client: pg.Client): Promise<{ counted: object; real: object }> {
  const { rows } = await client.query(
    `select (select coalesce(jsonb_object_agg(role, live), '{}')
             from (select role, sum(live) as live from auth.user_counts group by role having sum(live) <> 0) c) as counted,
            (select coalesce(jsonb_object_agg(role, live), '{}')
             from (select role, count(*) as live from auth.users where deleted_at is null group by role) u) as real`,
  );
  return rows[0];
}

async function expectRight(client: pg.Client): Promise<void> {
  const { counted, real } = await counts(client);
  expect(counted).toEqual(real);
}

const INSERT = "insert into auth.users (id, email, name, role) values ($1, $1 || '@example.org', 'x', $2)";

test('every kind of statement is counted: many rows, role changes, soft deletes, their undoing, deletes', async () => {
  const app = await connect(database.pooledUrl);
  for (const statement of [
    `insert into auth.users (id, email, name, role, deleted_at)
     select i::text, i || '@example.org', 'x', (array['user', 'admin', 'manager'])[1 + i % 3],
            case when i % 7 = 0 then now() end
     from generate_series(1, 1000) i`,
    "update auth.users set role = 'manager' where id::int % 5 = 0",
    'update auth.users set deleted_at = now() where id::int % 4 = 0',
    // Both at once, and of rows that were deleted before.
    "update auth.users set role = 'admin', deleted_at = null where id::int % 8 = 0",
    "update auth.users set name = 'y'",
    'delete from auth.users where id::int % 3 = 0',
    `insert into auth.users (id, email, name, role) values ('1', 'new@example.org', 'x', 'user')
     on conflict (id) do update set role = 'somebody_else'`,
    "insert into auth.users (id, email, name) select 'x', 'x@example.org', 'x' where false",
    'delete from auth.users',
  ]) {
    await app.query(statement);
    await expectRight(app);
  }
});

test('COPY and TRUNCATE are counted, and what is rolled back is not', async () => {
  const admin = await connect(database.adminUrl);
  await admin.query(
    "copy auth.users (id, email, name) from program $$seq 1 20000 | sed 's/.*/&\\t&@example.org\\tUser &/'$$",
  );
  expect((await counts(admin)).counted).toEqual({ user: 20_000 });
  await expectRight(admin);
  await admin.query('begin');
  await admin.query("update auth.users set role = 'admin'");
  await admin.query('savepoint undone');
  await admin.query('delete from auth.users');
  await admin.query('rollback to undone');
  await expectRight(admin);
  await admin.query('rollback');
  await expectRight(admin);
  await admin.query('truncate auth.users cascade');
  expect((await counts(admin)).counted).toEqual({});
});

test('many at once, in any order and with rollbacks, count right', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect(database.directUrl)));
  const roles = ['user', 'admin', 'manager'];
  await Promise.all(
    clients.map(async (client, worker) => {
      for (let step = 0; step < 40; step += 1) {
        const id = `${worker}-${step}`;
        const [role, other] = [roles[(worker + step) % 3], roles[(worker + step + 1) % 3]];
        await client.query('begin');
        await client.query(INSERT, [id, role]);
        await client.query(INSERT, [`${id}-b`, other]);
        if (step % 3 === 0) await client.query('update auth.users set role = $2 where id = $1', [id, other]);
        if (step % 4 === 0)
          await client.query('update auth.users set deleted_at = now() where id = $1', [id]);
        if (step % 5 === 0) await client.query('delete from auth.users where id = $1', [`${id}-b`]);
        await client.query(step % 7 === 0 ? 'rollback' : 'commit');
      }
    }),
  );
  const [client] = clients;
  if (client === undefined) throw new Error('there is no client');
  await expectRight(client);
  // About as many rows as were needed at once, not as many as there were transactions: one that a commit changes
  // between a statement's snapshot and its lock is passed by, so that now and then there is one more (9 for 8 seen).
  const { rows } = await client.query(
    'select max(slots)::int as slots from (select count(*) as slots from auth.user_counts group by role) c',
  );
  expect(rows[0].slots).toBeLessThanOrEqual(2 * clients.length);
});

test('nobody waits for, or deadlocks with, an open transaction that counts the same roles', async () => {
  const [one, two] = [await connect(database.directUrl), await connect(database.directUrl)];
  // Rows that both will want.
  await one.query(INSERT, ['a', 'user']);
  await one.query(INSERT, ['b', 'admin']);
  for (const client of [one, two]) {
    // Whoever waits at all, fails.
    await client.query("set lock_timeout = '1ms'");
    await client.query('begin');
  }
  await one.query(INSERT, ['1', 'user']);
  await two.query(INSERT, ['2', 'admin']);
  await one.query(INSERT, ['3', 'admin']);
  await two.query(INSERT, ['4', 'user']);
  await one.query('commit');
  await two.query('commit');
  await expectRight(one);
});
