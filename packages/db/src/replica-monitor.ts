import type { Logger } from '@sv-sdk/telemetry';
import type pg from 'pg';
import { parseLsn } from './lsn.ts';

/** `lag`: it answers, but is further behind than writes are remembered for. */
export type ReplicaState =
  | { readonly usable: true; readonly replayed: bigint }
  | { readonly usable: false; readonly reason: 'down' | 'lag' };

const POLL_INTERVAL_MS = 250;
/** A replica that doesn't say where it is within this time is not one to send a caller to. */
const POLL_LIMIT_MS = 1_000;
/** Queries that wait for a replica which has said nothing for so long are given to the primary. */
const SILENCE_LIMIT_MS = 2_000;
const PRIMARY_SAMPLE_INTERVAL_MS = 1_000;
const MAX_SAMPLES = 60;

interface Sample {
  position: bigint;
  readonly seenAtMs: number;
}

/**
 * Knows how far the replica has replayed: asks it every 250 ms, one question at a time, on a connection of
 * its own. Once a second it notes where the primary's log ends; the age of the oldest such note that the
 * replica hasn't replayed is its lag. (pg_last_xact_replay_timestamp() grows on an idle primary, and
 * receive = replay also holds for a replica that is cut off: neither tells the truth.)
 */
export class ReplicaMonitor {
  readonly #replica: pg.Pool;
  readonly #primary: pg.Pool;
  readonly #logger: Logger;
  readonly #maxLagMs: number;
  readonly #silenceListeners = new Set<() => void>();
  #samples: Sample[] = [];
  /** Undefined while the replica is down. */
  #replayed: bigint | undefined;
  #isSuspect = false;
  #heardAtMs = Date.now();
  #sampledAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void>;
  #sampling: Promise<void> | undefined;
  #closed = false;

  /** `replica` is a pool for this monitor alone; `close()` ends it. */
  constructor(options: { replica: pg.Pool; primary: pg.Pool; logger: Logger; maxLagMs: number }) {
    this.#replica = options.replica;
    this.#primary = options.primary;
    this.#logger = options.logger;
    this.#maxLagMs = options.maxLagMs;
    this.#polling = this.#poll();
  }

  /** Without I/O: what the last answers say. `down` until the first. */
  state(): ReplicaState {
    if (this.#replayed === undefined || this.#isSuspect) return { usable: false, reason: 'down' };
    const [oldest] = this.#samples;
    if (oldest !== undefined && Date.now() - oldest.seenAtMs > this.#maxLagMs) {
      return { usable: false, reason: 'lag' };
    }
    return { usable: true, replayed: this.#replayed };
  }

  /** Calls `listener` when the replica has been silent for too long; the answer takes it back. */
  onSilence(listener: () => void): () => void {
    this.#silenceListeners.add(listener);
    return () => this.#silenceListeners.delete(listener);
  }

  /** A query on it failed: nobody else should try before the next answer. */
  suspect(): void {
    this.#isSuspect = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await this.#sampling;
    await this.#replica.end();
  }

  async #poll(): Promise<void> {
    // Not awaited: a primary that hangs must not keep us from hearing that the replica is down.
    this.#sampling ??= this.#samplePrimary().finally(() => {
      this.#sampling = undefined;
    });
    await this.#askReplica();
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll();
    }, POLL_INTERVAL_MS);
    this.#timer.unref();
  }

  async #askReplica(): Promise<void> {
    try {
      const position = await askForPosition(
        this.#replica,
        'select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text end as position',
      );
      // A server that isn't in recovery is a primary, perhaps another one: what it holds can't be compared.
      if (position === null) throw new Error('the server behind the replica URL is no replica');
      this.#heard(parseLsn(position));
    } catch (error) {
      this.#missed(error);
    }
  }

  #heard(replayed: bigint): void {
    if (this.#replayed === undefined) this.#logger.info('the replica answers');
    this.#replayed = replayed;
    this.#isSuspect = false;
    this.#heardAtMs = Date.now();
    this.#samples = this.#samples.filter((sample) => sample.position > replayed);
  }

  #missed(error: unknown): void {
    if (this.#replayed !== undefined)
      this.#logger.warn({ err: error }, 'the replica is down; reads go to the primary');
    this.#replayed = undefined;
    if (Date.now() - this.#heardAtMs < SILENCE_LIMIT_MS) return;
    for (const listener of [...this.#silenceListeners]) listener();
  }

  async #samplePrimary(): Promise<void> {
    if (Date.now() - this.#sampledAtMs < PRIMARY_SAMPLE_INTERVAL_MS) return;
    this.#sampledAtMs = Date.now();
    try {
      const position = await askForPosition(this.#primary, 'select pg_current_wal_lsn()::text as position');
      if (position !== null) this.#note(parseLsn(position));
    } catch (error) {
      // Without new notes the replica is judged by the old ones; that the primary is away is others' to say.
      this.#logger.debug({ err: error }, "the primary's position is unknown");
    }
  }

  #note(position: bigint): void {
    const latest = this.#samples.at(-1);
    if (position <= (latest?.position ?? this.#replayed ?? -1n)) return;
    // A replica that is down for days must not fill the memory. The last place takes the newest position and
    // keeps its time: that can only overstate the lag.
    if (latest !== undefined && this.#samples.length >= MAX_SAMPLES) latest.position = position;
    else this.#samples.push({ position, seenAtMs: Date.now() });
  }
}

async function askForPosition(pool: pg.Pool, text: string): Promise<string | null> {
  // @types/pg doesn't know that a query may have a time limit of its own.
  const query: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: POLL_LIMIT_MS };
  const { rows } = await pool.query<{ position: string | null }>(query);
  return rows[0]?.position ?? null;
}
