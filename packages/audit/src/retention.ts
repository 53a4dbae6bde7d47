import { auditDroppedPartitions, type Database } from '@sv-sdk/db';
import { desc, sql } from 'drizzle-orm';
import { type Anchor, type ChainKeys, GENESIS, signAnchor } from './chain.ts';
import { checkRows, type Finding } from './verify.ts';

/** This month and the next three. */
const MONTHS_AHEAD = 4;
const REFUSED = '55000';

export interface Partition {
  /** `audit_logs_2026_11` */
  readonly name: string;
  /** First moment of its month (UTC). */
  readonly from: Date;
  /** First moment of the next. */
  readonly to: Date;
  /** Of the table and its indexes. */
  readonly sizeBytes: number;
  /** The planner's estimate; −1: it has never looked. */
  readonly estimatedRows: number;
}

/** The monthly partitions, oldest first. */
export async function listPartitions(db: Database): Promise<Partition[]> {
  const { rows } = await db.write().execute<{ name: string; sizeBytes: string; estimatedRows: number }>(sql`
    select relname as name, pg_total_relation_size(c.oid)::text as "sizeBytes", reltuples::float8 as "estimatedRows"
    from pg_inherits join pg_class c on c.oid = inhrelid
    where inhparent = 'audit.audit_logs'::regclass and relname ~ '^audit_logs_[0-9]{4}_[0-9]{2}$' order by relname`);
  return rows.map(({ name, sizeBytes, estimatedRows }) => {
    const [year = 0, month = 0] = name.slice(-7).split('_').map(Number);
    return {
      name,
      from: new Date(Date.UTC(year, month - 1)),
      to: new Date(Date.UTC(year, month)),
      sizeBytes: Number(sizeBytes),
      estimatedRows,
    };
  });
}

/** Until when, from now on, each row has a partition of its month; `now` if there is none for this month. */
export function coveredUntil(partitions: readonly Partition[], now: Date): Date {
  let until = now;
  for (const { from, to } of partitions) {
    if (from <= until && until < to) until = to;
  }
  return until;
}

/** Makes the partitions of this month and the next three, where they are missing; answers how many it made. */
export async function createPartitionsAhead(db: Database): Promise<number> {
  const { rows } = await db.write().execute<{ made: number }>(sql`
    select audit.create_partitions((now() at time zone 'UTC')::date, ${MONTHS_AHEAD}) as made`);
  return rows[0]?.made ?? 0;
}

/** Partitions all of whose rows are older than this many whole months; 0 keeps everything for ever. */
export function expiredPartitions(
  partitions: readonly Partition[],
  retentionMonths: number,
  now: Date,
): Partition[] {
  if (retentionMonths === 0) return [];
  const keptFrom = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - retentionMonths);
  return partitions.filter(({ to }) => to.getTime() <= keptFrom);
}

export interface Retention {
  readonly dropped: readonly string[];
  /** Why the oldest expired partition that is left was not dropped; undefined: none is left. */
  readonly refusal: string | undefined;
}

/**
 * Drops what retention says, oldest first, and writes down where the chain goes on. Each partition is verified right
 * before: one that somebody has tampered with stays, as it is what shows it, until a person says otherwise
 * (`despiteFindings`). So does one with unsealed rows, or with a month that isn't over for a month.
 */
export async function dropExpiredPartitions(options: {
  db: Database;
  keys: ChainKeys;
  retentionMonths: number;
  now?: Date;
  despiteFindings?: boolean;
}): Promise<Retention> {
  const { db, retentionMonths, now = new Date() } = options;
  const dropped: string[] = [];
  for (const partition of expiredPartitions(await listPartitions(db), retentionMonths, now)) {
    const refusal = await dropPartition(partition, options);
    if (refusal !== undefined) return { dropped, refusal };
    dropped.push(partition.name);
  }
  return { dropped, refusal: undefined };
}

async function dropPartition(
  partition: Partition,
  options: { db: Database; keys: ChainKeys; despiteFindings?: boolean },
): Promise<string | undefined> {
  const { db, keys, despiteFindings = false } = options;
  const { name } = partition;
  const [previous] = await db
    .write()
    .select()
    .from(auditDroppedPartitions)
    .orderBy(desc(auditDroppedPartitions.name))
    .limit(1);
  const [from, to] = [partition.from.toISOString(), partition.to.toISOString()];
  const { rows } = await db.write().execute<{ sequence: string; hash: string }>(sql`
    select sequence::text, hash from audit.audit_logs a where a.sequence is not null
      and a.created_at >= ${from}::timestamptz and a.created_at < ${to}::timestamptz
    order by a.sequence desc limit 1`);
  const lastSequence = Number(rows[0]?.sequence ?? previous?.lastSequence ?? 0);
  // Up to where the next partition begins: the last rows of this one may be what is gone.
  const { rows: nexts } = await db.write().execute<{ before: string }>(sql`
    select (coalesce((select min(a.sequence) - 1 from audit.audit_logs a where a.sequence > ${lastSequence}),
                     (select sequence from audit.chain_head), 0))::text as before`);

  const findings: Finding[] = [];
  const checked = await checkRows({
    db,
    keys,
    after: previous,
    throughSequence: Number(nexts[0]?.before),
    report: (finding) => {
      if (findings.length < 3) findings.push(finding);
    },
  });
  if (findings.length > 0 && !despiteFindings) {
    return `${name} is not as it was sealed (${findings.map(({ kind }) => kind).join(', ')}); see sdk audit verify`;
  }
  const anchor: Anchor = {
    name,
    firstSequence: (previous?.lastSequence ?? 0) + 1,
    lastSequence,
    lastHash: rows[0]?.hash ?? previous?.lastHash ?? GENESIS,
    rowCount: checked.rows,
  };
  try {
    await db.write().execute(sql`
      select audit.drop_partition(${from.slice(0, 10)}::date, ${anchor.lastSequence}, ${anchor.lastHash},
        ${anchor.rowCount}, ${signAnchor(keys[0], anchor)})`);
  } catch (error) {
    if (sqlStateOf(error) !== REFUSED) throw error;
    return messageOf(error);
  }
  return undefined;
}

/** Drizzle's error has the server's as its cause. */
function serverErrorOf(error: unknown): { code?: unknown; message: string } | undefined {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return cause instanceof Error ? cause : undefined;
}

const sqlStateOf = (error: unknown) => serverErrorOf(error)?.code;
const messageOf = (error: unknown) => serverErrorOf(error)?.message ?? String(error);
