import type { Logger } from '@sv-sdk/telemetry';
import pg from 'pg';
import { clientWithUrl, PatientPool } from './changing-password.ts';
import { measuredClient, type ObserveStatement } from './measured-client.ts';

const IDLE_TIMEOUT_MS = 30_000;
/** Connections are renewed, so that they spread again over PgBouncers and servers that have come since. */
const MAX_LIFETIME_SECONDS = 1_800;

export type ConnectionUrl = string | (() => string);

export interface PoolOptions {
  /** For the log. */
  name: string;
  /** A function is asked at each connection, as the password may be another one by then. */
  url: ConnectionUrl;
  /** Connections that stay open when idle. */
  min: number;
  max: number;
  /** How long a caller waits for a connection, new or lent to others (pg.Pool: for ever). */
  waitMs: number;
  logger: Logger;
  observe?: ObserveStatement;
}

/**
 * No `statement_timeout`, `lock_timeout`, `idle_in_transaction_session_timeout` or `options` here: node-postgres
 * sends them at the start of a connection, where PgBouncer refuses them. They are set on the role.
 */
export function createPool({ name, url, min, max, waitMs, logger, observe }: PoolOptions): pg.Pool {
  const isChanging = typeof url === 'function';
  const Client = observe === undefined ? pg.Client : measuredClient(observe);
  const pool = new (isChanging ? PatientPool : pg.Pool)({
    ...(!isChanging && { connectionString: url }),
    min,
    max,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    keepAlive: true,
    Client: isChanging ? clientWithUrl(Client, url) : Client,
  });
  // An idle connection that the other side closes; the pool has dropped it. Without a listener the process ends.
  pool.on('error', (error) => logger.warn({ err: error, pool: name }, 'an idle connection was lost'));
  return pool;
}

/** Opens every connection that the pool may have, and leaves them idle in it. Answers how many; rejects if one can't be opened. */
export async function fillPool(pool: pg.Pool): Promise<number> {
  const opened = await Promise.allSettled(Array.from({ length: pool.options.max }, () => pool.connect()));
  for (const one of opened) if (one.status === 'fulfilled') one.value.release();
  for (const one of opened) if (one.status === 'rejected') throw one.reason;
  return opened.length;
}
