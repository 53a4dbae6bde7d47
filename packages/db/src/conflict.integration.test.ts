import { createLogger } from '@sv-sdk/telemetry';
import { eq, sql } from 'drizzle-orm';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type Database } from './database.ts';
import { users } from './schema/index.ts';
import { markStale } from './stale-keys.ts';
import { type CuttingProxy, startCuttingProxy } from './testing/cutting-proxy.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import type { Tx } from './transaction.ts';

let database: TestDatabase;
let db: Database;
let proxy: CuttingProxy;
let registry: Registry;
let published: string[][];

beforeEach(async () => {
  database = await createTestDatabase();
  registry = new Registry();
  published = [];
  const url = new URL(database.pooledUrl);
  proxy = await startCuttingProxy({ host: url.hostname, port: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  db = createDatabase({
    primaryUrl: url.href,
    poolMin: 0,
    poolMax: 4,
    logger: createLogger({ service: 'test', version: 'test', level: 'silent' }),
    registry,
    onStaleKeys: async (keys) => {
      published.push(keys);
    },
  });
  await db.withTx((tx) =>
    tx.insert(users).values(['a', 'b'].map((name) => ({ email: `${name}@example.org`, name: '0' }))),
  );
});

afterEach(async () => {
  await db.close();
  await proxy.close();
  await database.drop();
});

const conflicts = async () =>
  ((await registry.getSingleMetric('sv_db_transaction_conflicts_total')?.get())?.values ?? []).map(
    ({ labels, value }) => `${labels['reason']} ${labels['outcome']}: ${value}`,
  );
const nameOf = async (user: string) =>
  (
    await db
      .write()
      .select()
      .from(users)
      .where(eq(users.email, `${user}@example.org`))
  )[0]?.name;
/** One more in the name of a user, by what the transaction sees of it. */
const increment = async (tx: Tx, user: string) => {
  const [row] = await tx
    .select()
    .from(users)
    .where(eq(users.email, `${user}@example.org`));
  await tx
    .update(users)
    .set({ name: String(Number(row?.name) + 1) })
    .where(eq(users.email, `${user}@example.org`));
};
const setUp = async (text: string) => {
  const owner = new pg.Client({ connectionString: database.adminUrl });
  await owner.connect();
  await owner.query(text);
  await owner.end();
};

/** The same by a row that is locked first: the other's commit can't come in between. */
const incrementLocked = async (tx: Tx, user: string) => {
  await tx
    .select()
    .from(users)
    .where(eq(users.email, `${user}@example.org`))
    .for('update');
  await increment(tx, user);
};

/** Both have done their first step before either does its second, the first time. */
function meetingPlace() {
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const arrivals = [one, other];
  return async () => {
    arrivals.shift()?.resolve();
    await Promise.all([one.promise, other.promise]);
  };
}

async function deadlock(repeatable: boolean) {
  const meet = meetingPlace();
  let runs = 0;
  const lockBoth = (users: string[]) =>
    db.withTx(
      async (tx) => {
        runs++;
        await incrementLocked(tx, users[0] ?? '');
        await meet();
        await incrementLocked(tx, users[1] ?? '');
      },
      { repeatable },
    );
  const ended = await Promise.allSettled([lockBoth(['a', 'b']), lockBoth(['b', 'a'])]);
  return { runs, ended };
}

test('of two transactions in a deadlock the one that Postgres gives up is run again', async () => {
  const { runs, ended } = await deadlock(true);
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(runs).toBe(3);
  expect([await nameOf('a'), await nameOf('b')]).toEqual(['2', '2']);
  expect(await conflicts()).toEqual(['deadlock repeated: 1']);
});

test('it is not where the caller has not allowed it, and the deadlock is what they are told', async () => {
  const { runs, ended } = await deadlock(false);
  expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const refused = ended.find((end) => end.status === 'rejected');
  expect(refused?.reason).toMatchObject({ cause: { code: '40P01' } });
  expect(runs).toBe(2);
  expect([await nameOf('a'), await nameOf('b')]).toEqual(['1', '1']);
  expect(await conflicts()).toEqual(['deadlock not_repeatable: 1']);
});

test('serializable transactions that collide all count, each once', async () => {
  const meet = meetingPlace();
  const add = () =>
    db.withTx(
      async (tx) => {
        await tx.execute(sql`set transaction isolation level serializable`);
        // The snapshot, of before the other's commit.
        await tx.execute(sql`select from auth.users`);
        await meet();
        await increment(tx, 'a');
      },
      { repeatable: true },
    );
  await Promise.all([add(), add()]);
  expect(await nameOf('a')).toBe('2');
  expect(await conflicts()).toEqual(['serialization_failure repeated: 1']);
});

test('what collides again and again is given up after four runs, with nothing left behind', async () => {
  let runs = 0;
  const attempt = db.withTx(
    async (tx) => {
      runs++;
      await increment(tx, 'a');
      await tx.execute(sql`do $$ begin raise 'once more' using errcode = '40001'; end $$`);
    },
    { repeatable: true },
  );
  await expect(attempt).rejects.toMatchObject({ cause: { code: '40001' } });
  expect(runs).toBe(4);
  expect(await nameOf('a')).toBe('0');
  expect(await conflicts()).toEqual([
    'serialization_failure repeated: 3',
    'serialization_failure given_up: 1',
  ]);
});

test('any other error is passed on at once', async () => {
  let runs = 0;
  const attempt = db.withTx(
    async (tx) => {
      runs++;
      await tx.insert(users).values({ email: 'a@example.org', name: 'taken' });
    },
    { repeatable: true },
  );
  await expect(attempt).rejects.toMatchObject({ cause: { code: '23505' } });
  expect(runs).toBe(1);
  expect(await conflicts()).toEqual([]);
});

test('only what the run that was committed wrote counts after it', async () => {
  let runs = 0;
  await db.withTx(
    async (tx) => {
      runs++;
      await markStale(tx, [`run:${runs}`]);
      if (runs === 1) await tx.execute(sql`do $$ begin raise 'once more' using errcode = '40P01'; end $$`);
    },
    { repeatable: true },
  );
  expect(published).toEqual([['run:2']]);
});

describe('a COMMIT', () => {
  test('that is answered with a conflict was none, and the transaction is run again', async () => {
    // Checked at COMMIT and not before. A sequence keeps its value through a rollback.
    await setUp(`create sequence auth.tries; grant usage on sequence auth.tries to sv_app;
      create function collide_once() returns trigger language plpgsql as $$
        begin if nextval('auth.tries') = 1 then raise 'collided' using errcode = '40001'; end if; return null; end $$;
      create constraint trigger collide after update on auth.users deferrable initially deferred
        for each row execute function collide_once()`);
    await db.withTx((tx) => increment(tx, 'a'), { repeatable: true });
    expect(await nameOf('a')).toBe('1');
    expect(await conflicts()).toEqual(['serialization_failure repeated: 1']);
  });

  test.each(['cutOnSend', 'cutOnAnswer'] as const)(
    'whose outcome nobody knows (%s) is never followed by a second run',
    async (cut) => {
      let runs = 0;
      const attempt = db.withTx(
        async (tx) => {
          runs++;
          await increment(tx, 'a');
          proxy[cut](true);
        },
        { repeatable: true },
      );
      await expect(attempt).rejects.toThrow(/Connection terminated|ECONNRESET/);
      proxy[cut](false);
      expect(runs).toBe(1);
      // It was committed exactly when it reached the server, which the caller can't tell.
      await expect.poll(() => nameOf('a')).toBe(cut === 'cutOnAnswer' ? '1' : '0');
      expect(await conflicts()).toEqual([]);
    },
  );
});

test('within one transaction of a whole request nothing is run again: only that as a whole could be', async () => {
  let runs = 0;
  const attempt = db.inOneTransaction(
    () =>
      db.withTx(
        async (tx) => {
          runs++;
          await tx.execute(sql`do $$ begin raise 'collided' using errcode = '40001'; end $$`);
        },
        { repeatable: true },
      ),
    { onBegin: async (tx) => increment(tx, 'a') },
  );
  await expect(attempt).rejects.toMatchObject({ cause: { code: '40001' } });
  expect(runs).toBe(1);
  expect(await nameOf('a')).toBe('0');
  expect(await conflicts()).toEqual(['serialization_failure not_repeatable: 1']);
});
