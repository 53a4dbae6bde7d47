import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type Database, type DatabaseOptions } from './database.ts';
import { users } from './schema/index.ts';
import { markStale } from './stale-keys.ts';
import { createTestDatabase, type TestDatabase } from './testing/index.ts';
import type { Db, Tx } from './transaction.ts';

const POOL_MAX = 2;

let database: TestDatabase;
let db: Database;
/** On its own connections: sees only what is committed. */
let observer: Database;
let registry: Registry;
let published: string[][];
let remembered: string[];

beforeEach(async () => {
  database = await createTestDatabase();
  registry = new Registry();
  published = [];
  remembered = [];
  db = open(registry, {
    onStaleKeys: async (keys) => {
      published.push(keys);
    },
    recentWrites: {
      remember: async (principalId) => {
        remembered.push(principalId);
      },
      lastPosition: async () => undefined,
    },
  });
  observer = open(new Registry(), {});
});

afterEach(async () => {
  await Promise.all([db.close(), observer.close()]);
  await database.drop();
});

function open(to: Registry, more: Partial<DatabaseOptions>) {
  const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
  const primaryUrl = database.pooledUrl;
  return createDatabase({ primaryUrl, poolMin: 0, poolMax: POOL_MAX, logger, registry: to, ...more });
}

const nothing = { onBegin: async () => {} };
const insertUser = (tx: Tx | Db, name: string) =>
  tx.insert(users).values({ email: `${name}@example.org`, name });
const namesIn = async (of: Database | Tx) => {
  const from = 'write' in of ? of.write() : of;
  const rows = await from.select({ name: users.name }).from(users).orderBy(users.name);
  return rows.map(({ name }) => name);
};
const insertAndTell = async (tx: Tx, name: string) => {
  await insertUser(tx, name);
  return transactionId(tx);
};
const transactionId = async (of: Db | Tx) =>
  (await of.execute<{ id: string }>(sql`select pg_current_xact_id()::text as id`)).rows[0]?.id;

async function heldConnections(): Promise<number> {
  const { values } = (await registry.getSingleMetric('sv_db_pool_connections')?.get()) ?? { values: [] };
  return values.find(({ labels }) => labels['state'] === 'in_use')?.value ?? Number.NaN;
}

test('all that it does is one transaction, which nobody sees before its end', async () => {
  const began: string[] = [];
  const result = await db.inOneTransaction(
    async () => {
      const ids = [await db.withTx((tx) => insertAndTell(tx, 'a'))];
      ids.push(await transactionId(db.write()));
      ids.push(await transactionId(await db.read('somebody')));
      ids.push(await db.withTx((tx) => insertAndTell(tx, 'b')));
      expect(new Set(ids).size).toBe(1);
      expect(await namesIn(db)).toEqual(['a', 'b']);
      expect(await namesIn(observer)).toEqual([]);
      return 'done';
    },
    {
      onBegin: async (tx) => {
        began.push(...(await namesIn(tx)), 'first');
      },
    },
  );
  expect(result).toBe('done');
  expect(began).toEqual(['first']);
  expect(await namesIn(observer)).toEqual(['a', 'b']);
});

test('before the first withTx it holds no connection, and without one nothing begins', async () => {
  let hasBegun = false;
  await db.inOneTransaction(
    async () => {
      await db.write().select().from(users);
      expect(await heldConnections()).toBe(0);
      expect(db.isInOpenTransaction()).toBe(false);
    },
    {
      onBegin: async () => {
        hasBegun = true;
      },
    },
  );
  expect(hasBegun).toBe(false);
  await db.inOneTransaction(async () => {
    await db.withTx(async () => {});
    expect(db.isInOpenTransaction()).toBe(true);
    expect(await heldConnections()).toBe(1);
  }, nothing);
  expect(db.isInOpenTransaction()).toBe(false);
  expect(await heldConnections()).toBe(0);
});

test('a rejection at its end undoes all of it, and is passed on', async () => {
  const failure = new Error('too late');
  const attempt = db.inOneTransaction(
    async () => {
      await db.withTx(async (tx) => {
        await insertUser(tx, 'a');
        await markStale(tx, ['user:a']);
      });
      throw failure;
    },
    { onBegin: (tx) => insertUser(tx, 'first').then(() => undefined) },
  );
  await expect(attempt).rejects.toBe(failure);
  expect(await namesIn(observer)).toEqual([]);
  expect(published).toEqual([]);
  expect(await heldConnections()).toBe(0);
});

test('a withTx that fails undoes only its own, and the next goes on', async () => {
  await db.inOneTransaction(async () => {
    await db.withTx((tx) => insertUser(tx, 'a'));
    await expect(db.withTx((tx) => insertUser(tx, 'a'))).rejects.toThrow();
    await expect(
      db.withTx(async (tx) => {
        await insertUser(tx, 'b');
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    await expect(insertUser(db.write(), 'a')).rejects.toThrow();
    await db.withTx((tx) => insertUser(tx, 'c'));
  }, nothing);
  expect(await namesIn(observer)).toEqual(['a', 'c']);
});

test('a withTx in another, and several at once, undo only what is theirs', async () => {
  await db.inOneTransaction(async () => {
    await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((name, index) =>
        db.withTx(async (tx) => {
          await insertUser(tx, name);
          await Promise.allSettled([
            db.withTx((inner) => insertUser(inner, `${name}-inner`)),
            db.withTx(async (inner) => {
              await insertUser(inner, `${name}-undone`);
              throw new Error('undone');
            }),
            db.write().select().from(users),
          ]);
          if (index % 2 === 1) throw new Error('undone');
        }),
      ),
    );
  }, nothing);
  expect(await namesIn(observer)).toEqual(['a', 'a-inner', 'c', 'c-inner']);
});

test('a separate transaction stays, whatever becomes of the others', async () => {
  const attempt = db.inOneTransaction(async () => {
    await db.withTx((tx) => insertUser(tx, 'a'));
    await db.withTx((tx) => insertUser(tx, 'counted'), { separate: true });
    throw new Error('refused');
  }, nothing);
  await expect(attempt).rejects.toThrow('refused');
  expect(await namesIn(observer)).toEqual(['counted']);
});

test('what nobody waits for is in it when it began in time, and else by itself', async () => {
  const over = Promise.withResolvers<void>();
  let late: Promise<unknown> | undefined;
  await db.inOneTransaction(async () => {
    await db.withTx(async () => {
      late = over.promise.then(() => db.withTx((tx) => insertUser(tx, 'late')));
      void db.withTx((tx) => insertUser(tx, 'in-time-within'));
    });
    void db.withTx((tx) => insertUser(tx, 'in-time'));
  }, nothing);
  expect(await namesIn(observer)).toEqual(['in-time', 'in-time-within']);
  // The next one has the connection of the one before.
  const attempt = db.inOneTransaction(async () => {
    await db.withTx((tx) => insertUser(tx, 'other'));
    over.resolve();
    await late;
    throw new Error('undone');
  }, nothing);
  await expect(attempt).rejects.toThrow('undone');
  expect(await namesIn(observer)).toEqual(['in-time', 'in-time-within', 'late']);
});

test('the end waits for what is still under way, so that it can be undone', async () => {
  let underway: Promise<unknown> | undefined;
  await db.inOneTransaction(async () => {
    await db.withTx((tx) => insertUser(tx, 'a'));
    const ended = Promise.withResolvers<void>();
    underway = db
      .withTx(async (tx) => {
        await ended.promise;
        await insertUser(tx, 'b');
        throw new Error('undone');
      })
      .catch(() => undefined);
    setImmediate(ended.resolve);
  }, nothing);
  await underway;
  expect(await namesIn(observer)).toEqual(['a']);
});

test('what goes on after its own withTx is not undone with the next', async () => {
  await db.inOneTransaction(async () => {
    const gate = Promise.withResolvers<void>();
    let goingOn: Promise<unknown> | undefined;
    await db.withTx(async () => {
      goingOn = gate.promise.then(() => db.withTx((tx) => insertUser(tx, 'a')));
    });
    const next = db.withTx(async (tx) => {
      gate.resolve();
      // Time enough for the other's statements to come in between, on the connection that they share.
      for (let statement = 0; statement < 10; statement += 1) await tx.execute(sql`select 1`);
      throw new Error('undone');
    });
    await expect(next).rejects.toThrow('undone');
    await goingOn;
  }, nothing);
  expect(await namesIn(observer)).toEqual(['a']);
});

test('more at once than there are connections do not wait for each other for ever', async () => {
  const wanted = Array.from({ length: POOL_MAX * 5 }, (_, index) => `user-${index}`);
  await Promise.all(
    wanted.map((name) =>
      db.inOneTransaction(async () => {
        await db.withTx((tx) => insertUser(tx, name));
        // A second connection for any of these, and all would stand still.
        await db.write().select().from(users);
        await (await db.read(name)).select().from(users);
        await db.withTx(() => db.withTx((tx) => tx.execute(sql`select 1`)));
        await db.write().transaction((tx) => tx.execute(sql`select 1`));
      }, nothing),
    ),
  );
  expect(await namesIn(observer)).toEqual(wanted.toSorted());
  expect(await heldConnections()).toBe(0);
});

test('when onBegin rejects, every withTx does with its error, and so does the whole', async () => {
  const failure = new Error('answered already');
  const attempt = db.inOneTransaction(
    async () => {
      await expect(db.withTx((tx) => insertUser(tx, 'a'))).rejects.toBe(failure);
      await expect(db.withTx((tx) => insertUser(tx, 'b'))).rejects.toBe(failure);
      await expect(insertUser(db.write(), 'c')).rejects.toThrow();
      return 'swallowed';
    },
    { onBegin: () => Promise.reject(failure) },
  );
  await expect(attempt).rejects.toBe(failure);
  expect(await namesIn(observer)).toEqual([]);
  expect(await heldConnections()).toBe(0);
});

test('after the commit, and not before, stale keys are published and writers remembered', async () => {
  await db.inOneTransaction(async () => {
    await db.withTx(
      async (tx) => {
        await markStale(tx, ['user:a']);
        await tx.transaction((inner) => markStale(inner as Tx, ['user:b', 'user:a']));
      },
      { principalId: 'ada' },
    );
    await db.withTx((tx) => markStale(tx, ['user:c']), { principalId: 'bob' });
    expect({ published, remembered }).toEqual({ published: [], remembered: [] });
  }, nothing);
  expect(published).toEqual([['user:a', 'user:b', 'user:c']]);
  expect(remembered).toEqual(['ada', 'bob']);
});

describe('a connection that is killed', () => {
  test.each(['before its next statement', 'before the commit'])('%s leaves nothing behind', async (when) => {
    const killer = new pg.Client({ connectionString: database.adminUrl });
    await killer.connect();
    const attempt = db.inOneTransaction(async () => {
      const pid = await db.withTx(async (tx) => {
        await insertUser(tx, 'a');
        return (await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)).rows[0]?.pid;
      });
      await killer.query('select pg_terminate_backend($1, 5000)', [pid]);
      if (when === 'before its next statement') await db.withTx((tx) => insertUser(tx, 'b'));
    }, nothing);
    await expect(attempt).rejects.toThrow();
    await killer.end();
    expect(await namesIn(observer)).toEqual([]);
    expect(await heldConnections()).toBe(0);
  });
});
