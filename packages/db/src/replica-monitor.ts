import type { Logger } from '@sv-sdk/telemetry';
import type pg from 'pg';
import { askOne } from './ask.ts';
import { isReached, type Position, parsePosition, REPLICA_POSITION } from './position.ts';
import type { PrimarySample, PrimaryWatch } from './primary-watch.ts';

/**
 * `lag`: it answers, but is further behind than writes are remembered for. `down`: it doesn't answer, or what answers is
 * no replica of our primary: a primary itself, another cluster's, one that has gone another way since a failover.
 */
export type ReplicaState =
  | { readonly usable: true; readonly replayed: Position }
  | { readonly usable: false; readonly reason: 'down' | 'lag' };

const POLL_INTERVAL_MS = 250;
/** Queries that wait for a replica which has said nothing for so long are given to the primary. */
const SILENCE_LIMIT_MS = 2_000;
const MAX_SAMPLES = 60;

interface Sample {
  lsn: bigint;
  readonly seenAtMs: number;
}

/**
 * Knows how far one replica has replayed: asks it every 250 ms, one question at a time, on a connection of its own.
 * Once a second it notes where the primary's log ends; the age of the oldest such note that the replica hasn't replayed
 * is its lag. (pg_last_xact_replay_timestamp() grows on an idle primary, and receive = replay also holds for a replica
 * that is cut off: neither tells the truth.)
 */
export class ReplicaMonitor {
  readonly #replica: pg.Pool;
  readonly #logger: Logger;
  readonly #maxLagMs: number;
  readonly #silenceListeners = new Set<() => void>();
  #samples: Sample[] = [];
  /** Undefined while the replica is down. */
  #replayed: Position | undefined;
  #systemIdentifier: string | undefined;
  #isSuspect = false;
  #heardAtMs = Date.now();
  /** Undefined until the primary has answered. */
  #primary: PrimarySample | undefined;
  /** When the primary was first heard of on the timeline that it is on. */
  #timelineSinceMs = Date.now();
  /** Unknown until the primary was asked after an answer of the replica. */
  #way: 'unknown' | 'follows' | 'diverged' = 'unknown';
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void>;
  #closed = false;

  /** `replica` is a pool for this monitor alone; `close()` ends it. The logger says which replica it is. */
  constructor(options: { replica: pg.Pool; primary: PrimaryWatch; logger: Logger; maxLagMs: number }) {
    this.#replica = options.replica;
    this.#logger = options.logger;
    this.#maxLagMs = options.maxLagMs;
    options.primary.onSample(() => {
      const replayedBefore = this.#replayed;
      return (sample) => this.#note(sample, replayedBefore);
    });
    this.#polling = this.#poll();
  }

  /** Without I/O: what the last answers say. `down` until the first ones of the replica and of the primary. */
  state(): ReplicaState {
    const replayed = this.#replayed;
    if (replayed === undefined || this.#isSuspect || !this.#isFollower(replayed)) {
      return { usable: false, reason: 'down' };
    }
    if (this.lagMs() > this.#maxLagMs) return { usable: false, reason: 'lag' };
    return { usable: true, replayed };
  }

  /** Whether it may be read, and isn't known to have what was written at `position`. */
  mayLack(position: Position): boolean {
    const state = this.state();
    if (!state.usable || isReached(position, state.replayed)) return false;
    // After a failover a replica says the timeline before until its next restartpoint, for minutes, whatever it has
    // replayed of the new one (REPLICA_POSITION). One that had gone another way could not have kept up for so long.
    const hasKeptUp = Date.now() - this.#timelineSinceMs > this.#maxLagMs;
    const isOnLatest = position.timeline === this.#primary?.position.timeline;
    return !(hasKeptUp && isOnLatest && position.lsn <= state.replayed.lsn);
  }

  /** For how long the primary has had what the replica hasn't replayed, to a second. */
  lagMs(): number {
    const [oldest] = this.#samples;
    return oldest === undefined ? 0 : Date.now() - oldest.seenAtMs;
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
    await this.#replica.end();
  }

  /** Whether what it has replayed is a part of our primary's history. */
  #isFollower(replayed: Position): boolean {
    if (this.#primary === undefined || this.#systemIdentifier !== this.#primary.systemIdentifier)
      return false;
    // A later timeline: it follows another primary, and ours is one that was failed over from.
    return this.#way === 'follows' && replayed.timeline <= this.#primary.position.timeline;
  }

  async #poll(): Promise<void> {
    await this.#askReplica();
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll();
    }, POLL_INTERVAL_MS);
    this.#timer.unref();
  }

  async #askReplica(): Promise<void> {
    try {
      const { position, systemIdentifier } = await askOne<{
        position: string | null;
        systemIdentifier: string;
      }>(
        this.#replica,
        `select case when pg_is_in_recovery() then ${REPLICA_POSITION} end as position,
                system_identifier::text as "systemIdentifier" from pg_control_system()`,
      );
      // A server that isn't in recovery is a primary, perhaps another one: what it holds can't be compared.
      if (position === null) throw new Error('the server behind the replica URL is no replica');
      this.#heard(parsePosition(position), systemIdentifier);
    } catch (error) {
      this.#missed(error);
    }
  }

  #heard(replayed: Position, systemIdentifier: string): void {
    if (this.#replayed === undefined) this.#logger.info('the replica answers');
    this.#replayed = replayed;
    this.#systemIdentifier = systemIdentifier;
    this.#isSuspect = false;
    this.#heardAtMs = Date.now();
    this.#samples = this.#samples.filter(({ lsn }) => lsn > replayed.lsn);
  }

  #missed(error: unknown): void {
    if (this.#replayed !== undefined)
      this.#logger.warn({ err: error }, 'the replica is down; reads go to the primary or another replica');
    this.#replayed = undefined;
    // Whatever answers next may have come from elsewhere.
    if (this.#way === 'follows') this.#way = 'unknown';
    if (Date.now() - this.#heardAtMs < SILENCE_LIMIT_MS) return;
    for (const listener of [...this.#silenceListeners]) listener();
  }

  /** `replayedBefore`: what the replica had replayed before the primary was asked. */
  #note(sample: PrimarySample, replayedBefore: Position | undefined): void {
    // After a failover the log can end before the place where the old primary's did; what that had beyond is lost.
    if (sample.position.timeline !== this.#primary?.position.timeline) {
      this.#samples = [];
      this.#timelineSinceMs = Date.now();
    }
    this.#primary = sample;
    this.#judgeWay(sample.position, replayedBefore);
    const { lsn } = sample.position;
    const latest = this.#samples.at(-1);
    if (lsn <= (latest?.lsn ?? this.#replayed?.lsn ?? -1n)) return;
    // A replica that is down for days must not fill the memory. The last place takes the newest position and
    // keeps its time: that can only overstate the lag.
    if (latest !== undefined && this.#samples.length >= MAX_SAMPLES) latest.lsn = lsn;
    else this.#samples.push({ lsn, seenAtMs: Date.now() });
  }

  /**
   * Who is ahead of the primary does not follow it: its data has what was lost in a failover. Once it was made anew, its
   * timeline says so.
   */
  #judgeWay(primary: Position, replayed: Position | undefined): void {
    if (replayed === undefined) return;
    const before = this.#way;
    if (replayed.timeline === primary.timeline) this.#way = 'follows';
    else if (replayed.lsn > primary.lsn) this.#way = 'diverged';
    else if (before === 'unknown') this.#way = 'follows';
    if (before === 'diverged' || this.#way !== 'diverged') return;
    this.#logger.error(
      { timeline: replayed.timeline, primaryTimeline: primary.timeline },
      'the replica has gone another way than the primary since a failover, and is not read; make it anew',
    );
  }
}
