import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import type { Committed, Tx } from './transaction.ts';

/** A transaction, or a savepoint in one. Whoever wants to work at the same level waits for its turn. */
class Level {
  readonly tx: Tx;
  readonly client: pg.ClientBase;
  /** Undefined: this is the transaction itself. */
  readonly outer: Level | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(tx: Tx, client: pg.ClientBase, outer?: Level) {
    this.tx = tx;
    this.client = client;
    this.outer = outer;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Two savepoints of one connection can only lie one after or one inside of the other, never side by side. */
  inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Waits for what was begun here, also what nobody waits for; nothing begins here any more. */
  async close(): Promise<void> {
    for (let seen: unknown; seen !== this.#last; ) {
      seen = this.#last;
      await seen;
    }
    this.#isClosed = true;
  }
}

type Open = (action: (tx: Tx, client: pg.ClientBase) => Promise<void>) => Promise<Committed<void>>;

/** One transaction for all that happens in a request; it begins when somebody first needs it. */
export class JoinedTransaction {
  readonly #open: Open;
  readonly #onBegin: (tx: Tx) => Promise<void>;
  readonly #finish = Promise.withResolvers<void>();
  #root: Promise<Level> | undefined;
  #ended: Promise<Committed<void>> | undefined;
  #level: Level | undefined;
  #isOver = false;
  /** Whose writes are in it. */
  readonly principalIds = new Set<string>();

  constructor(open: Open, onBegin: (tx: Tx) => Promise<void>) {
    this.#open = open;
    this.#onBegin = onBegin;
  }

  get hasBegun(): boolean {
    return this.#root !== undefined;
  }

  /** Nothing joins it any more: its connection is, or will soon be, somebody else's. */
  get isOver(): boolean {
    return this.#isOver || (this.#level?.isClosed ?? false);
  }

  /** Begins it, once. If that or `onBegin` fails, every later call fails with the same error. */
  root(): Promise<Level> {
    this.#root ??= new Promise((resolve, reject) => {
      this.#ended = this.#open(async (tx, client) => {
        await this.#onBegin(tx);
        this.#level = new Level(tx, client);
        resolve(this.#level);
        await this.#finish.promise;
      });
      this.#ended.catch(reject);
    });
    return this.#root;
  }

  /** Undefined if it never began. */
  async commit(): Promise<Committed<void> | undefined> {
    await this.#close();
    this.#finish.resolve();
    return await this.#ended;
  }

  /** Never rejects: why it failed is known already, and Postgres rolls back by itself when a connection ends. */
  async rollback(reason: unknown): Promise<void> {
    await this.#close();
    this.#finish.reject(reason);
    this.#finish.promise.catch(() => undefined);
    await this.#ended?.catch(() => undefined);
  }

  async #close(): Promise<void> {
    // Where it could not begin, `#ended` says why.
    const root = await this.#root?.catch(() => undefined);
    await root?.close();
    this.#isOver = true;
  }
}

interface Here {
  readonly joined: JoinedTransaction;
  /** The savepoint that we are in; undefined outside of all of them. */
  readonly level: Level | undefined;
}

/** What a database knows of the request that it is asked in: the transaction to join, and how deep we are in it. */
export class Joining {
  /** A database's own: another database of this process has nothing to do with our transactions. */
  readonly #here = new AsyncLocalStorage<Here | undefined>();

  /** Runs `action` so that it finds `joined`. */
  run<T>(joined: JoinedTransaction, action: () => Promise<T>): Promise<T> {
    return this.#here.run({ joined, level: undefined }, action);
  }

  /** Runs `action` so that it finds none. */
  apart<T>(action: () => Promise<T>): Promise<T> {
    return this.#here.run(undefined, action);
  }

  /** The transaction to join, where there is one. */
  get joined(): JoinedTransaction | undefined {
    return this.#place()?.joined;
  }

  /** Work that goes on when its savepoint or its transaction has ended is part of what is around that. */
  #place(): Here | undefined {
    const place = this.#here.getStore();
    if (place === undefined || place.joined.isOver) return undefined;
    let { level } = place;
    while (level?.isClosed) level = level.outer;
    return { joined: place.joined, level };
  }

  /** Runs `action` in a savepoint of the transaction to join, so that its failure undoes only what is its own. */
  async inSavepoint<T>(action: (tx: Tx, client: pg.ClientBase) => Promise<T>): Promise<T> {
    const place = this.#place();
    if (place === undefined) throw new Error('there is no transaction to join');
    const { joined, level = await joined.root() } = place;
    return level.inTurn(() =>
      level.tx.transaction(async (tx) => {
        const inner = new Level(tx as Tx, level.client, level);
        try {
          return await this.#here.run({ joined, level: inner }, () => action(inner.tx, inner.client));
        } finally {
          await inner.close();
        }
      }),
    );
  }

  /**
   * What drizzle needs of a pool: runs a statement on the connection of the transaction to join once that has
   * begun, else on any. On another one it would not see what the transaction wrote, and a pool whose every
   * connection is a transaction's that waits for a second one stands still.
   */
  poolOver(pool: pg.Pool): Pick<pg.Pool, 'query'> {
    const query = (config: pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult> => {
      const place = this.#place();
      if (place === undefined || !place.joined.hasBegun) return pool.query(config, values);
      const { level } = place;
      if (level !== undefined) return level.inTurn(() => level.client.query(config, values));
      return this.inSavepoint((_tx, client) => client.query(config, values));
    };
    return { query: query as pg.Pool['query'] };
  }
}
