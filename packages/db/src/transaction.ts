import type { Logger } from '@sv-sdk/telemetry';
import { type NodePgDatabase, NodePgSession, NodePgTransaction } from 'drizzle-orm/node-postgres';
import { PgDialect, type PgTransactionConfig } from 'drizzle-orm/pg-core';
import type pg from 'pg';
import { INSERT_POSITION } from './position.ts';

/** Drizzle over a pool. */
export type Db = NodePgDatabase;

/** Drizzle inside a transaction; `tx.transaction()` makes a savepoint. */
export type Tx = NodePgTransaction<Record<string, never>, Record<string, never>>;

const dialect = new PgDialect();

export interface TransactionOptions {
  logger: Logger;
  config?: PgTransactionConfig | undefined;
  /** Whether the caller needs `position`. */
  wantPosition?: boolean;
}

export interface Committed<T> {
  readonly value: T;
  /** Where the log ended after the commit, if it was asked for. */
  readonly position?: string;
}

/**
 * Runs `action` in a transaction on a client of its own. Drizzle's own `transaction()` sends BEGIN outside
 * of try/finally and keeps the pool's slot for ever when that fails (drizzle-orm#6341, #6114, #6241); here a
 * client whose BEGIN, COMMIT or ROLLBACK failed is in an unknown state and is destroyed, and its slot free.
 */
export async function transact<T>(
  pool: pg.Pool,
  action: (tx: Tx, client: pg.ClientBase) => Promise<T>,
  options: TransactionOptions,
): Promise<Committed<T>> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onBroken = (error: unknown) => {
    broken ??= error instanceof Error ? error : new Error(String(error));
  };
  // Without a listener a connection that breaks between two statements would end the process.
  client.on('error', onBroken);
  try {
    return await transactOn(client, action, { ...options, onBroken });
  } finally {
    client.off('error', onBroken);
    client.release(broken);
  }
}

/**
 * The same on a client that the caller keeps. `onBroken` hears of a failed BEGIN, COMMIT or ROLLBACK, after
 * which the client must not be used again.
 */
export async function transactOn<T>(
  client: pg.ClientBase,
  action: (tx: Tx, client: pg.ClientBase) => Promise<T>,
  options: TransactionOptions & { onBroken: (error: unknown) => void },
): Promise<Committed<T>> {
  const command = async (text: string) => {
    try {
      return await client.query(text);
    } catch (error) {
      options.onBroken(error);
      throw error;
    }
  };

  await command(`begin${characteristics(options.config)}`);
  let value: T;
  try {
    value = await action(transactionOver(client), client);
  } catch (error) {
    try {
      await command('rollback');
    } catch (rollbackError) {
      // What the caller has to know is why it failed; Postgres rolls back when the connection ends.
      options.logger.warn({ err: rollbackError }, 'a rollback failed; its connection is destroyed');
    }
    throw error;
  }
  // One round trip for both: after the COMMIT the rest of the text runs outside of the transaction.
  const answers: unknown = await command(options.wantPosition ? `commit; ${POSITION}` : 'commit');
  const [committed, position] = (Array.isArray(answers) ? answers : [answers]) as pg.QueryResult[];
  if (committed?.command !== 'COMMIT') {
    // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error.
    throw new Error(
      'the transaction was rolled back: a statement in it failed, and its error was not passed on',
    );
  }
  return options.wantPosition ? { value, position: position?.rows[0]?.position } : { value };
}

/** At or after our commit record. */
const POSITION = `select ${INSERT_POSITION} as position`;

function characteristics(config: PgTransactionConfig | undefined): string {
  if (config === undefined) return '';
  const parts: string[] = [];
  if (config.isolationLevel) parts.push(`isolation level ${config.isolationLevel}`);
  if (config.accessMode) parts.push(config.accessMode);
  if (config.deferrable !== undefined) parts.push(config.deferrable ? 'deferrable' : 'not deferrable');
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`;
}

/** `drizzle()` over one client would let a nested `transaction()` commit the outer one; this makes savepoints. */
function transactionOver(client: pg.ClientBase): Tx {
  return new NodePgTransaction(
    dialect,
    new NodePgSession(client as pg.Client, dialect, undefined),
    undefined,
  );
}
