/**
 * A place in the history of a cluster: where in the write-ahead log, and on which timeline. A failover begins a new
 * timeline at the place that the promoted replica had reached, so that one place in the log can be two histories: a
 * replica that still has the old one must not count as having what was written on the new one.
 */
export interface Position {
  readonly timeline: number;
  readonly lsn: bigint;
}

const onPrimary = (lsn: string) => `left(pg_walfile_name(${lsn}), 8) || '/' || ${lsn}`;

/**
 * On a primary, a place at or after all that was committed so far. Not pg_current_wal_lsn(), the end of what has been
 * written out: with synchronous_commit = off (a role or a single transaction may say so) COMMIT returns before its
 * record is written, that position can lie before it, and a replica that has replayed only so far would count as caught
 * up. The end of what has been inserted is past our record in every mode. The price: it may include others' records that
 * are not written yet, so that the primary is read a moment longer (wal_writer_delay, 200 ms, at the most).
 */
export const INSERT_POSITION = onPrimary('pg_current_wal_insert_lsn()');

/** On a primary, the end of what replicas can have. What is only inserted may stay so for long where nobody commits. */
export const WRITTEN_POSITION = onPrimary('pg_current_wal_lsn()');

/**
 * How far a replica has replayed. The timeline is that of its control file, which can be behind what it replays until its
 * next restartpoint (checkpoint_timeout, 10 minutes, after a failover): it then has more than it says, never less. What
 * tells the live one, pg_stat_wal_receiver, is hidden from an app's user.
 */
export const REPLICA_POSITION = `(
    select lpad(to_hex(greatest(timeline_id, min_recovery_end_timeline)), 8, '0')
    from pg_control_checkpoint(), pg_control_recovery()
  ) || '/' || pg_last_wal_replay_lsn()`;

/** From its text form, three hexadecimal 32-bit numbers: the timeline, and the halves of the LSN, `00000001/16/B374D848`. */
export function parsePosition(text: string): Position {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new Error(`"${text}" is not a timeline and a WAL position`);
  return {
    timeline: Number(`0x${match[1]}`),
    // 64 bits don't fit a JavaScript number.
    lsn: (BigInt(`0x${match[2]}`) << 32n) | BigInt(`0x${match[3]}`),
  };
}

/** Whether who has replayed up to `reached` has what was written at `position`. */
export function isReached(position: Position, reached: Position): boolean {
  // What is on an earlier timeline, and didn't reach the one that was begun then, is nowhere any more.
  if (position.timeline !== reached.timeline) return position.timeline < reached.timeline;
  return position.lsn <= reached.lsn;
}
