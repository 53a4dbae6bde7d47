import pg from 'pg';
import type { ReplicaMonitor } from './replica-monitor.ts';

/**
 * Errors that are the statement's own, and would only happen again: it ran too long for its role (the
 * primary should not have to bear it as well), or it is no read.
 */
const NOT_WORTH_REPEATING = new Set(['57014', '25006']);

/**
 * What drizzle needs of a pool: runs a statement on one replica, and on the primary if that fails. Whatever
 * fails there, a killed connection, a conflict with recovery, a column that a migration made a moment ago,
 * the primary knows the truth; and as nothing can have been changed, it is safe to ask again.
 */
export class ReplicaClient {
  readonly #replica: pg.Pool;
  readonly #primary: Pick<pg.Pool, 'query'>;
  readonly #monitor: ReplicaMonitor;
  readonly #onFallback: () => void;

  constructor(options: {
    replica: pg.Pool;
    primary: Pick<pg.Pool, 'query'>;
    monitor: ReplicaMonitor;
    /** Counts. */
    onFallback: () => void;
  }) {
    this.#replica = options.replica;
    this.#primary = options.primary;
    this.#monitor = options.monitor;
    this.#onFallback = options.onFallback;
  }

  async query(config: pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult> {
    try {
      return await this.#queryReplica(config, values);
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined;
      if (code !== undefined && NOT_WORTH_REPEATING.has(code)) throw error;
      // No SQLSTATE: the connection failed, and others' would as well.
      if (code === undefined) this.#monitor.suspect();
      this.#onFallback();
      return await this.#primary.query(config, values);
    }
  }

  async #queryReplica(config: pg.QueryConfig, values: unknown[] | undefined): Promise<pg.QueryResult> {
    const client = await this.#replica.connect();
    const abandoned = Promise.withResolvers<never>();
    let broken: Error | undefined;
    const onBroken = (error: Error) => {
      broken = error;
    };
    client.on('error', onBroken);
    const stopListening = this.#monitor.onSilence(() => {
      broken = new Error('the replica has fallen silent');
      abandoned.reject(broken);
    });
    try {
      return await Promise.race([client.query(config, values), abandoned.promise]);
    } catch (error) {
      // As pg.Pool does after an error: a connection costs less than the wrong guess that it is sound.
      broken ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      stopListening();
      client.off('error', onBroken);
      client.release(broken);
    }
  }
}
