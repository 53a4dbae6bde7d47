import { auditChainHead, auditDroppedPartitions, type Database } from '@sv-sdk/db';
import { asc, sql } from 'drizzle-orm';
import {
  type Anchor,
  type ChainKeys,
  GENESIS,
  isAnchorSigned,
  isHeadSigned,
  judgeRow,
  type RowVerdict,
} from './chain.ts';
import { LATE_AFTER_SECONDS } from './seal.ts';
import { type ReadRow, type ReadRowRecord, storedColumns } from './stored-row.ts';

/** A row by its name. */
export interface RowName {
  /** Its place in the chain; null: it has none. Decimal, as a forged one may be any 64-bit number. */
  readonly sequence: string | null;
  readonly id: string;
  /** ISO 8601, or Postgres' own word for a time that is none (`infinity`). */
  readonly createdAt: string;
}

/**
 * Something that is not as it was sealed.
 * - `changed`: the row with this sequence is not the one that was sealed with it.
 * - `inserted`: a row that was never sealed, made to look as if: its sequence is another row's, or beyond the chain.
 * - `backdated`: a row that was sealed long after rows younger than itself: it wasn't there in its time.
 * - `unsealed`: a row that has waited for its seal for too long, or has a time that lies ahead.
 * - `removed`: rows that were sealed and are gone, from the first to the last sequence, between two rows that are there.
 * - `head`: the end of the chain, as it is kept beside the log, is not as it was left, or not the one that was expected.
 * - `anchor`: what was written down about a dropped partition is not as it was left.
 */
export type Finding =
  | ({ readonly kind: 'changed' | 'inserted' | 'backdated' | 'unsealed'; readonly why: string } & RowName)
  | {
      readonly kind: 'removed';
      readonly firstSequence: number;
      readonly lastSequence: number;
      /** Null: there is none, the gap is at the end of the log. */
      readonly before: RowName | null;
      readonly after: RowName | null;
    }
  | { readonly kind: 'head'; readonly why: string }
  | { readonly kind: 'anchor'; readonly partition: string; readonly why: string };

export interface Verification {
  readonly isIntact: boolean;
  /** Sealed rows that were looked at. */
  readonly rows: number;
  /** How many findings of each kind. */
  readonly findings: Readonly<Partial<Record<Finding['kind'], number>>>;
  /** The end of the chain, up to which was verified; null: it is gone. */
  readonly head: { readonly sequence: number; readonly hash: string } | null;
  /** Rows that wait for their seal, and not for too long: nothing is known about them yet. */
  readonly waiting: number;
  /** What could not be looked at, and why. */
  readonly notes: readonly string[];
}

export interface VerifyOptions {
  readonly db: Database;
  /** Of `deriveChainKeys`. */
  readonly keys: ChainKeys;
  /** Told each finding as it is made; in the order of the chain, but for what isn't in the chain. */
  readonly onFinding: (finding: Finding) => void;
  /** An end of the chain that was written down elsewhere: it must still be in it. */
  readonly expectHead?: { readonly sequence: number; readonly hash: string } | undefined;
  readonly batchRows?: number;
}

/** A batch takes some 50 ms and 3 MB; more rows make it no faster. */
const BATCH_ROWS = 5_000;
/** New months wait for 5 minutes (seal.ts), and a worker may be restarted. */
const UNSEALED_TOO_LONG_MINUTES = 15;
const AHEAD_MINUTES = 5;

/**
 * Reads the whole chain in its order, in constant memory, on the primary, and reports every row that was changed,
 * removed or inserted since it was sealed. What is sealed or dropped while it runs is neither looked at nor
 * complained of.
 */
export async function verifyAudit(options: VerifyOptions): Promise<Verification> {
  const { db, keys, expectHead } = options;
  const counts: Partial<Record<Finding['kind'], number>> = {};
  const report = (finding: Finding) => {
    counts[finding.kind] = (counts[finding.kind] ?? 0) + 1;
    options.onFinding(finding);
  };
  const notes: string[] = [];

  const head = await readHead(db, keys, report);
  const anchors = await checkAnchors(db, keys, report);
  const expectation = expectHead && { ...expectHead, isSeen: false };
  const end = await checkRows({
    ...options,
    report,
    after: startAfter(anchors.at(-1), keys),
    // With no head to go by, everything that has a sequence.
    throughSequence: head?.sequence,
    onRow: (row) => {
      if (expectation === undefined || row.sequence !== String(expectation.sequence)) return;
      if (row.hash === expectation.hash) expectation.isSeen = true;
    },
  });

  if (head !== null && end.last !== undefined && end.last.sequence === String(head.sequence)) {
    if (end.last.hash !== head.hash) report({ kind: 'head', why: 'its hash is not that of its row' });
  }
  if (head !== null) await reportBeyond(db, head.sequence, report);
  if (expectation !== undefined && !expectation.isSeen) {
    judgeExpectation(expectation, { head, anchors, report, notes });
  }
  const waiting = await reportUnsealed(db, report);
  return {
    isIntact: Object.keys(counts).length === 0,
    rows: end.rows,
    findings: counts,
    head: head && { sequence: head.sequence, hash: head.hash },
    waiting,
    notes,
  };
}

type Report = (finding: Finding) => void;

async function readHead(
  db: Database,
  keys: readonly Buffer[],
  report: Report,
): Promise<{ sequence: number; hash: string } | null> {
  const [head] = await db.write().select().from(auditChainHead);
  if (head === undefined) {
    report({ kind: 'head', why: 'audit.chain_head is empty' });
    return null;
  }
  if (keys.some((key) => isHeadSigned(key, head))) return head;
  report({
    kind: 'head',
    why: `audit.chain_head says ${head.sequence}, and its signature is wrong: the row was changed, or ENCRYPTION_KEY is another one`,
  });
  return null;
}

/** Where the chain goes on; the hash of an anchor that isn't ours says nothing about the first row. */
function startAfter(
  anchor: (Anchor & { signature: string }) | undefined,
  keys: readonly Buffer[],
): Parameters<typeof checkRows>[0]['after'] {
  if (anchor === undefined || isSignedByAny(keys, anchor)) return anchor;
  return { lastSequence: anchor.lastSequence, lastHash: undefined };
}

/** All anchors, oldest first; each must be signed and begin where the one before ends. */
async function checkAnchors(
  db: Database,
  keys: readonly Buffer[],
  report: Report,
): Promise<(Anchor & { signature: string })[]> {
  const anchors = await readAnchors(db);
  let last = 0;
  for (const anchor of anchors) {
    const { name: partition, firstSequence, lastSequence, rowCount } = anchor;
    if (!isSignedByAny(keys, anchor)) {
      report({ kind: 'anchor', partition, why: 'its signature is wrong: the row was changed or made up' });
    } else if (firstSequence !== last + 1) {
      const why = `it begins with sequence ${firstSequence}; the anchor before it ends with ${last}`;
      report({ kind: 'anchor', partition, why });
    } else if (rowCount !== lastSequence - firstSequence + 1) {
      const missing = lastSequence - firstSequence + 1 - rowCount;
      report({ kind: 'anchor', partition, why: `${missing} rows were missing when it was dropped` });
    }
    last = lastSequence;
  }
  return anchors;
}

async function readAnchors(db: Database): Promise<(Anchor & { signature: string })[]> {
  return await db.write().select().from(auditDroppedPartitions).orderBy(asc(auditDroppedPartitions.name));
}

const isSignedByAny = (keys: readonly Buffer[], anchor: Anchor & { signature: string }) =>
  keys.some((key) => isAnchorSigned(key, anchor));

export interface CheckedRows {
  readonly rows: number;
  /** The last row of the chain that was there. */
  readonly last: { readonly sequence: string; readonly hash: string | null } | undefined;
}

/** Judges the sealed rows after an anchor (or from the first), through a sequence. */
export async function checkRows(options: {
  db: Database;
  /** The current one first. */
  keys: readonly Buffer[];
  report: Report;
  /** `lastHash` undefined: it is not to be had, and the first row's link isn't looked at. */
  after: { lastSequence: number; lastHash: string | undefined } | undefined;
  /** Undefined: through the last that is there. */
  throughSequence: number | undefined;
  batchRows?: number | undefined;
  onRow?: (row: ReadRow) => void;
}): Promise<CheckedRows> {
  const { db, report, throughSequence, onRow } = options;
  const { lastSequence, lastHash } = options.after ?? { lastSequence: 0, lastHash: GENESIS };
  const walk = new ChainWalk(options.keys, report, { sequence: lastSequence, hash: lastHash });
  let rows = 0;
  /** Rows with one sequence: one, unless somebody forged another. */
  let claimants: ReadRow[] = [];
  const judgeClaimants = async () => {
    const [first] = claimants;
    if (first === undefined) return;
    if (walk.isGapBefore(first)) {
      // Retention may have dropped a partition since the anchors were read.
      const dropped = (await readAnchors(db)).findLast(
        (anchor) => anchor.lastSequence < Number(first.sequence) && isSignedByAny(options.keys, anchor),
      );
      if (dropped !== undefined) walk.goOnAfter(dropped);
    }
    walk.take(claimants);
  };
  for await (const batch of readChain(db, throughSequence, options.batchRows ?? BATCH_ROWS)) {
    for (const row of batch) {
      onRow?.(row);
      if (claimants[0]?.sequence === row.sequence) claimants.push(row);
      else {
        await judgeClaimants();
        claimants = [row];
      }
    }
    rows += batch.length;
  }
  await judgeClaimants();
  walk.end(throughSequence);
  return { rows, last: walk.last };
}

/** Sealed rows in the order of the chain, a query for each batch. Rows with the same sequence all come. */
async function* readChain(
  db: Database,
  throughSequence: number | undefined,
  batchRows: number,
): AsyncGenerator<ReadRow[]> {
  const through = throughSequence === undefined ? sql`` : sql`and a.sequence <= ${throughSequence}`;
  let last: ReadRow | undefined;
  for (;;) {
    const after =
      last === undefined
        ? sql``
        : sql`and a.sequence >= ${last.sequence}
              and (a.sequence, a.id, a.created_at) > (${last.sequence}, ${last.id}, ${last.createdAt}::timestamptz)`;
    const { rows } = await db.write().execute<ReadRowRecord>(sql`
      select ${storedColumns} from audit.audit_logs a where a.sequence is not null ${through} ${after}
      order by a.sequence, a.id, a.created_at limit ${batchRows}`);
    if (rows.length > 0) yield rows;
    if (rows.length < batchRows) return;
    last = rows.at(-1);
  }
}

/** Goes along the chain row by row, and knows no more of it than the last place. */
class ChainWalk {
  /**
   * Those with which the chain may go on: the key of the last row, before it the newer ones. Never back: an old key may
   * be known to others by now, which is why it was changed.
   */
  #keys: readonly Buffer[];
  readonly #report: Report;
  /** The last place that was passed; `hash` undefined: its row is gone or wrong, so the next link can't be judged. */
  #place: { sequence: number; hash: string | undefined };
  #lastRow: ReadRow | undefined;
  #youngestMs = Number.NEGATIVE_INFINITY;

  constructor(
    keys: readonly Buffer[],
    report: Report,
    start: { sequence: number; hash: string | undefined },
  ) {
    this.#keys = keys;
    this.#report = report;
    this.#place = start;
  }

  get last(): CheckedRows['last'] {
    const row = this.#lastRow;
    return row === undefined ? undefined : { sequence: row.sequence ?? '', hash: row.hash };
  }

  isGapBefore(row: ReadRow): boolean {
    return Number(row.sequence) > this.#place.sequence + 1;
  }

  goOnAfter(anchor: Anchor): void {
    if (anchor.lastSequence <= this.#place.sequence) return;
    this.#place = { sequence: anchor.lastSequence, hash: anchor.lastHash };
    this.#lastRow = undefined;
  }

  /** Takes all rows with the next sequence that is there; at least one. */
  take(claimants: readonly ReadRow[]): void {
    const [first] = claimants;
    const sequence = Number(first?.sequence);
    if (first === undefined || sequence <= this.#place.sequence) {
      for (const row of claimants)
        this.#reportInserted(row, 'its sequence lies before the beginning of the chain');
      return;
    }
    const isGap = this.isGapBefore(first);
    if (isGap) this.#reportGap(sequence - 1, first);
    const previousHash = isGap ? undefined : this.#place.hash;

    const verdicts = claimants.map((row) => this.#judge(previousHash, sequence, row));
    const right = claimants[verdicts.indexOf('right')];
    for (const [index, row] of claimants.entries()) {
      if (row === right) this.#judgeTime(row);
      else if (right !== undefined) this.#reportInserted(row, 'its sequence is that of another row');
      else this.#reportChanged(row, verdicts[index]);
    }
    this.#place = { sequence, hash: right?.hash ?? undefined };
    this.#lastRow = right ?? first;
  }

  #judge(previousHash: string | undefined, sequence: number, row: ReadRow): RowVerdict {
    let verdict: RowVerdict = 'content is wrong';
    for (const [index, key] of [...this.#keys.entries()].toReversed()) {
      const found = judgeRow(key, previousHash, sequence, row);
      if (found === 'right') this.#keys = this.#keys.slice(0, index + 1);
      if (found !== 'content is wrong') verdict = found;
      if (found === 'right') break;
    }
    return verdict;
  }

  /** The end of the chain, where it is known. */
  end(throughSequence: number | undefined): void {
    if (throughSequence !== undefined && this.#place.sequence < throughSequence) {
      this.#reportGap(throughSequence, null);
    }
  }

  #reportGap(lastSequence: number, after: ReadRow | null): void {
    this.#report({
      kind: 'removed',
      firstSequence: this.#place.sequence + 1,
      lastSequence,
      before: this.#lastRow === undefined ? null : nameOf(this.#lastRow),
      after: after && nameOf(after),
    });
  }

  #reportInserted(row: ReadRow, why: string): void {
    this.#report({ kind: 'inserted', why, ...nameOf(row) });
  }

  #reportChanged(row: ReadRow, verdict: RowVerdict | undefined): void {
    const why =
      verdict === 'link is wrong'
        ? 'its hash does not follow from the row before it'
        : 'the row is not the one that was sealed with this sequence';
    this.#report({ kind: 'changed', why, ...nameOf(row) });
  }

  #judgeTime(row: ReadRow): void {
    const createdAtMs = Number(row.createdAtMs);
    const lateMs = this.#youngestMs - createdAtMs;
    if (lateMs > LATE_AFTER_SECONDS * 1000) {
      const why = `it was sealed after rows that are ${Math.round(lateMs / 1000)} s younger`;
      this.#report({ kind: 'backdated', why, ...nameOf(row) });
    }
    this.#youngestMs = Math.max(this.#youngestMs, createdAtMs);
  }
}

/** Rows with a sequence that the chain has not reached; head and rows of one moment, so sealing can't come between. */
async function reportBeyond(db: Database, headSequence: number, report: Report): Promise<void> {
  let after = String(headSequence);
  for (;;) {
    const { rows } = await db.write().execute<ReadRowRecord>(sql`
      select ${storedColumns} from audit.audit_logs a
      where a.sequence > ${after} and a.sequence > (select sequence from audit.chain_head)
      order by a.sequence limit ${BATCH_ROWS}`);
    for (const row of rows) {
      report({ kind: 'inserted', why: 'its sequence lies beyond the end of the chain', ...nameOf(row) });
    }
    if (rows.length < BATCH_ROWS) return;
    after = rows.at(-1)?.sequence ?? after;
  }
}

/** Answers how many wait within their time. */
async function reportUnsealed(db: Database, report: Report): Promise<number> {
  const isOverdue = sql`(a.created_at < now() - make_interval(mins => ${UNSEALED_TOO_LONG_MINUTES})
    or a.created_at > now() + make_interval(mins => ${AHEAD_MINUTES}))`;
  let last: ReadRow | undefined;
  for (;;) {
    const after =
      last === undefined
        ? sql``
        : sql`and (a.created_at, a.id) > (${last.createdAt}::timestamptz, ${last.id})`;
    const { rows } = await db.write().execute<ReadRowRecord>(sql`
      select ${storedColumns} from audit.audit_logs a where a.sequence is null and ${isOverdue} ${after}
      order by a.created_at, a.id limit ${BATCH_ROWS}`);
    for (const row of rows) {
      const why =
        Number(row.createdAtMs) > Date.now()
          ? 'its time lies ahead'
          : `it has waited for its seal for more than ${UNSEALED_TOO_LONG_MINUTES} minutes`;
      report({ kind: 'unsealed', why, ...nameOf(row) });
    }
    if (rows.length < BATCH_ROWS) break;
    last = rows.at(-1);
  }
  const { rows } = await db.write().execute<{ count: number }>(sql`
    select count(*)::int as count from audit.audit_logs a where a.sequence is null and not ${isOverdue}`);
  return rows[0]?.count ?? 0;
}

function judgeExpectation(
  expected: { readonly sequence: number; readonly hash: string },
  found: {
    head: { sequence: number } | null;
    anchors: readonly Anchor[];
    report: Report;
    notes: string[];
  },
): void {
  const { head, anchors, report, notes } = found;
  const droppedThrough = anchors.at(-1)?.lastSequence ?? 0;
  if (expected.sequence <= droppedThrough) {
    const anchor = anchors.find(({ lastSequence }) => lastSequence === expected.sequence);
    if (anchor === undefined) {
      notes.push(
        `sequence ${expected.sequence} was in a partition that retention dropped; it can't be compared`,
      );
      return;
    }
    if (anchor.lastHash === expected.hash) return;
  }
  const why =
    head !== null && expected.sequence > head.sequence
      ? `the chain ends with ${head.sequence}, and had reached ${expected.sequence} once: its end was cut off`
      : `the row with sequence ${expected.sequence} does not have the expected hash, or is gone: the chain was made anew from there or before`;
  report({ kind: 'head', why });
}

function nameOf(row: ReadRow): RowName {
  const ms = Number(row.createdAtMs);
  const isDate = Number.isFinite(ms) && Math.abs(ms) <= 8.64e15;
  return {
    sequence: row.sequence,
    id: row.id,
    createdAt: isDate ? new Date(ms).toISOString() : row.createdAt,
  };
}
