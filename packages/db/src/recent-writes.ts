import type { Logger } from '@sv-sdk/telemetry';
import { parseLsn } from './lsn.ts';

/**
 * How long a caller's last write is remembered. A replica that lags further than a third of this is not read
 * at all, so that a write is forgotten only when every replica in use has replayed it.
 */
export const RECENT_WRITE_SECONDS = 30;

/**
 * The memory that all instances share; apps keep it in the cache. Both methods reject when the memory can't
 * be reached: a miss must mean that there was no write, or the caller is sent to a replica without it.
 */
export interface RecentWrites {
  /** Keeps `lsn` for {@link RECENT_WRITE_SECONDS}; a later one of the same principal stays. */
  remember(principalId: string, lsn: string): Promise<void>;
  lastLsn(principalId: string): Promise<string | undefined>;
}

/**
 * The last writes of this process' callers, and through `shared` everybody's. Each process keeps its own in
 * memory as well: they are right when the shared memory is away, and save a question to it.
 */
export class WriteMemory {
  readonly #shared: RecentWrites | undefined;
  readonly #logger: Logger;
  /** In the order of `expiresAtMs`; holds what was written in the last 30 s and no more. */
  readonly #own = new Map<string, { lsn: string; expiresAtMs: number }>();

  constructor(shared: RecentWrites | undefined, logger: Logger) {
    this.#shared = shared;
    this.#logger = logger;
  }

  /** Never rejects: the write has been committed, and must not look as if it had not. */
  async remember(principalId: string, lsn: string): Promise<void> {
    this.#forgetExpired();
    // Of two transactions of one caller the earlier may come here last.
    const before = this.#own.get(principalId);
    const latest = before === undefined || parseLsn(before.lsn) < parseLsn(lsn) ? lsn : before.lsn;
    this.#own.delete(principalId);
    this.#own.set(principalId, { lsn: latest, expiresAtMs: Date.now() + RECENT_WRITE_SECONDS * 1000 });
    try {
      await this.#shared?.remember(principalId, latest);
    } catch (error) {
      this.#logger.warn({ err: error }, 'a write could not be remembered for the other instances');
    }
  }

  /** Whether a replica at `replayed` has all that the principal wrote lately; `recent_write` where it can't be known. */
  async compare(principalId: string, replayed: bigint): Promise<'none' | 'caught_up' | 'recent_write'> {
    this.#forgetExpired();
    const own = this.#own.get(principalId);
    if (own !== undefined && parseLsn(own.lsn) > replayed) return 'recent_write';
    try {
      const last = await this.#shared?.lastLsn(principalId);
      if (last === undefined) return own === undefined ? 'none' : 'caught_up';
      return parseLsn(last) > replayed ? 'recent_write' : 'caught_up';
    } catch (error) {
      this.#logger.debug({ err: error }, 'the last write of a caller is unknown');
      return 'recent_write';
    }
  }

  #forgetExpired(): void {
    const now = Date.now();
    for (const [principalId, { expiresAtMs }] of this.#own) {
      if (expiresAtMs > now) return;
      this.#own.delete(principalId);
    }
  }
}
