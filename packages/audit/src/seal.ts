import { auditChainHead, type Database, type Tx } from '@sv-sdk/db';
import { eq, type SQL, sql } from 'drizzle-orm';
import { type ChainKeys, hashRow, isHeadSigned, signHead } from './chain.ts';
import { type ReadRowRecord, storedColumns } from './stored-row.ts';

/**
 * How old a row is when it is sealed. Its time is when its transaction began, so this is more than a transaction of
 * the app may take (transaction_timeout, 20 s): nothing is committed behind what is sealed.
 */
export const SEAL_AFTER_SECONDS = 25;
/** A new month waits, so that a late row of the old one never comes after it and partitions can be dropped whole. */
const NEW_MONTH_WAITS_MINUTES = 5;
/** A row this much older than one that is sealed before it was not there in its time. */
export const LATE_AFTER_SECONDS = 60;
/** Hashing takes some 15 ms and the update some 50 ms; the locks are held no longer. */
const BATCH_ROWS = 1_000;

/** Any number; it is ours alone in this database. */
const SEALER_LOCK = 7_301_002;

export interface SealOptions {
  readonly db: Database;
  /** Of {@link deriveChainKeys}. Rows are sealed under that of the chain's end. */
  readonly keys: ChainKeys;
  readonly batchRows?: number;
  /** Tests: how old a row must be. */
  readonly sealAfterSeconds?: number;
  /** Tests: the moment to judge by; else the database's clock. */
  readonly now?: Date;
}

export interface SealedBatch {
  readonly rows: number;
  /** Whether there may be more to seal. */
  readonly isFull: boolean;
  /** The end of the chain; undefined when nothing was sealed. */
  readonly head?: { readonly sequence: number; readonly hash: string };
}

/** The end of the chain is not what was sealed last, or the key is another: sealing on would cover that up. */
export class ChainHeadError extends Error {
  constructor(why: string) {
    super(`the end of the audit chain is not as it was left: ${why}; see docs/runbooks/audit-not-sealed.md`);
    this.name = 'ChainHeadError';
  }
}

/**
 * Seals the oldest rows that wait: gives them the next places in the chain, and their hashes. One batch at a time over
 * all workers; where another is at it, nothing is done. Throws {@link ChainHeadError}.
 */
export async function sealBatch(options: SealOptions): Promise<SealedBatch> {
  const { db, keys, batchRows = BATCH_ROWS } = options;
  const cutoff = cutoffOf(options);
  // Most looks find nothing: one statement then. Once a second from fifty workers are fifty.
  const { rows: waiting } = await db.write().execute(sql`
    select from audit.audit_logs a where a.sequence is null and a.created_at < ${cutoff}
    order by a.created_at limit 1`);
  if (waiting.length === 0) return { rows: 0, isFull: false };

  return await db.withTx(async (tx): Promise<SealedBatch> => {
    const { rows: locks } = await tx.execute<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(${SEALER_LOCK}) as taken`,
    );
    if (locks[0]?.taken !== true) return { rows: 0, isFull: false };
    const { key, ...head } = await lockHead(tx, keys);
    const { rows } = await tx.execute<ReadRowRecord>(sql`
      select ${storedColumns} from audit.audit_logs a
      where a.sequence is null and a.created_at < ${cutoff}
      order by a.created_at, a.id limit ${batchRows}`);
    if (rows.length === 0) return { rows: 0, isFull: false };

    let { sequence, hash } = head;
    const seals = rows.map((row) => {
      sequence += 1;
      hash = hashRow(key, hash, sequence, row);
      return { sequence, hash };
    });
    await writeSeals(tx, rows, seals);
    const end = { sequence, hash };
    await tx
      .update(auditChainHead)
      .set({ ...end, signature: signHead(key, end), sealedAt: sql`now()` })
      .where(eq(auditChainHead.only, 1));
    return { rows: rows.length, isFull: rows.length === batchRows, head: end };
  });
}

/** Where sealing stands; two looks into an index. */
export interface SealingState {
  /** How long the oldest unsealed row has been there; 0 when there is none. */
  readonly oldestUnsealedSeconds: number;
  /** Of the end of the chain as the database has it; undefined: it is gone. */
  readonly headSequence: number | undefined;
}

export async function readSealingState(db: Database): Promise<SealingState> {
  const { rows } = await db.write().execute<{ seconds: number | null; sequence: number | null }>(sql`
    select (select greatest(0, extract(epoch from now() - a.created_at))::float8 from audit.audit_logs a
            where a.sequence is null order by a.created_at limit 1) as seconds,
      (select sequence::float8 from audit.chain_head) as sequence`);
  return {
    oldestUnsealedSeconds: rows[0]?.seconds ?? 0,
    headSequence: rows[0]?.sequence ?? undefined,
  };
}

/** Rows before this moment are sealed. */
function cutoffOf({ now, sealAfterSeconds = SEAL_AFTER_SECONDS }: SealOptions): SQL {
  const at = now === undefined ? sql`now()` : sql`${now.toISOString()}::timestamptz`;
  const month = sql`date_trunc('month', ${at}, 'UTC')`;
  return sql`least(${at} - make_interval(secs => ${sealAfterSeconds}),
    case when ${at} < ${month} + make_interval(mins => ${NEW_MONTH_WAITS_MINUTES}) then ${month} else 'infinity' end)`;
}

/**
 * From here on the chain goes on under the first of the keys. Never done by a sealer: while `make rotate` changes one
 * worker after another, they don't agree on which one is the first. Answers whether it was under another one. Throws
 * {@link ChainHeadError}.
 */
export async function rekeyChain(tx: Tx, keys: ChainKeys): Promise<boolean> {
  const [current] = keys;
  await tx.execute(sql`select pg_advisory_xact_lock(${SEALER_LOCK})`);
  const { key, sequence, hash } = await lockHead(tx, keys);
  if (key === current) return false;
  await tx
    .update(auditChainHead)
    .set({ signature: signHead(current, { sequence, hash }) })
    .where(eq(auditChainHead.only, 1));
  return true;
}

/** The end of the chain, and the key that it is signed with. */
async function lockHead(tx: Tx, keys: ChainKeys): Promise<{ key: Buffer; sequence: number; hash: string }> {
  const [head] = await tx.select().from(auditChainHead).for('update');
  if (head === undefined) throw new ChainHeadError('audit.chain_head is empty');
  const key = keys.find((candidate) => isHeadSigned(candidate, head));
  if (key === undefined) {
    throw new ChainHeadError(
      'its signature is wrong, so ENCRYPTION_KEY is another one or the row was changed',
    );
  }
  return { key, sequence: head.sequence, hash: head.hash };
}

async function writeSeals(
  tx: Tx,
  rows: readonly { readonly createdAt: string; readonly id: string }[],
  seals: readonly { readonly sequence: number; readonly hash: string }[],
): Promise<void> {
  // The bounds leave out all partitions but the one or two of these rows, whatever the planner thinks of the join.
  const { rowCount } = await tx.execute(sql`
    update audit.audit_logs a set sequence = seal.sequence, hash = seal.hash
    from unnest(${sql.param(rows.map(({ createdAt }) => createdAt))}::timestamptz[],
                ${sql.param(rows.map(({ id }) => id))}::text[],
                ${sql.param(seals.map(({ sequence }) => sequence))}::bigint[],
                ${sql.param(seals.map(({ hash }) => hash))}::text[]) as seal (created_at, id, sequence, hash)
    where a.created_at = seal.created_at and a.id = seal.id and a.sequence is null
      and a.created_at between ${rows[0]?.createdAt}::timestamptz and ${rows.at(-1)?.createdAt}::timestamptz`);
  if (rowCount !== rows.length) {
    throw new Error(`${rows.length} audit rows were to be sealed, and ${rowCount} were there`);
  }
}
