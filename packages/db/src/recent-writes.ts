import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sv-sdk/telemetry';
import { isReached, type Position, parsePosition } from './position.ts';

/**
 * How long a caller's last write is remembered. A replica that lags further than a third of this is not read
 * at all, so that a write is forgotten only when every replica in use has replayed it.
 */
export const RECENT_WRITE_SECONDS = 30;

/** So often, and with pauses of so many times 50 ms, together 300 ms: longer than a replica takes for most writes. */
const SHARE_TRIES = 4;
const SHARE_PAUSE_MS = 50;

/**
 * The memory that all instances share; apps keep it in the cache. Both methods reject when the memory can't
 * be reached: a miss must mean that there was no write, or the caller is sent to a replica without it. A position is a
 * text, `00000001/16/B374D848`: timeline and LSN.
 */
export interface RecentWrites {
  /** Keeps `position` for {@link RECENT_WRITE_SECONDS}; a later one of the same principal stays. */
  remember(principalId: string, position: string): Promise<void>;
  lastPosition(principalId: string): Promise<string | undefined>;
}

/**
 * The last writes of this process' callers, and through `shared` everybody's. Each process keeps its own in
 * memory as well: they are right when the shared memory is away, and save a question to it.
 */
export class WriteMemory {
  readonly #shared: RecentWrites | undefined;
  readonly #logger: Logger;
  /** In the order of `expiresAtMs`; holds what was written in the last 30 s and no more. */
  readonly #own = new Map<string, { text: string; position: Position; expiresAtMs: number }>();

  constructor(shared: RecentWrites | undefined, logger: Logger) {
    this.#shared = shared;
    this.#logger = logger;
  }

  /**
   * Whether the other instances can know of it. Never rejects: the write has been committed, and must not look as if it
   * had not.
   */
  async remember(principalId: string, text: string): Promise<boolean> {
    this.#forgetExpired();
    const position = parsePosition(text);
    // Of two transactions of one caller the earlier may come here last.
    const before = this.#own.get(principalId);
    const latest = before === undefined || isReached(before.position, position) ? { text, position } : before;
    this.#own.delete(principalId);
    this.#own.set(principalId, { ...latest, expiresAtMs: Date.now() + RECENT_WRITE_SECONDS * 1000 });
    return this.#share(principalId, latest.text);
  }

  /**
   * Not given up at once: while the others can be asked and know an older write only, they read a replica that doesn't
   * have this one (seen on a machine with 25 times the work it can do: 164 of 4,000 positions not taken, 1 stale read).
   */
  async #share(principalId: string, text: string): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#shared?.remember(principalId, text);
        return true;
      } catch (error) {
        if (tries === SHARE_TRIES) {
          this.#logger.warn({ err: error }, 'a write could not be remembered for the other instances');
          return false;
        }
      }
      await delay(SHARE_PAUSE_MS * tries);
    }
  }

  /** Where the principal's last writes are, this process' and everybody's; `unknown` where that can't be said. */
  async positionsOf(principalId: string): Promise<readonly Position[] | 'unknown'> {
    this.#forgetExpired();
    const own = this.#own.get(principalId)?.position;
    const positions = own === undefined ? [] : [own];
    try {
      const shared = await this.#shared?.lastPosition(principalId);
      return shared === undefined ? positions : [...positions, parsePosition(shared)];
    } catch (error) {
      this.#logger.debug({ err: error }, 'the last write of a caller is unknown');
      return 'unknown';
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
