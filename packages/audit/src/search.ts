import type { Db } from '@sv-sdk/db';
import { type SQL, sql } from 'drizzle-orm';

/** What to look for; what is absent isn't asked for. */
export interface AuditFilter {
  /** A whole event type, or its beginning up to a dot and a star: `auth.*`, `auth.login.*`. */
  readonly eventType?: string | undefined;
  readonly userId?: string | undefined;
  /** From this moment on. */
  readonly from?: Date | undefined;
  /** Before this moment. */
  readonly to?: Date | undefined;
}

/** An audit row as it may be shown. */
export interface AuditRow {
  readonly id: string;
  readonly createdAt: Date;
  readonly eventType: string;
  readonly userId: string | null;
  readonly ipAddress: string | null;
  readonly metadata: Record<string, unknown>;
  readonly piiMasked: boolean;
  /** Place in the chain; null until the row is sealed, half a minute after it was written. */
  readonly sequence: number | null;
  readonly hash: string | null;
}

/** The form of `AuditFilter.eventType`. */
export const EVENT_TYPE_FILTER = /^[\w-]+(?:\.[\w-]+)*(?:\.\*)?$/;

/** A place in the log: the rows after it, newest first, are older. */
export interface AuditPosition {
  readonly createdAt: Date;
  readonly id: string;
}

/**
 * Rows that match, newest first, from `after` (or from `offset` rows on). Each plan begins in an index, whatever the
 * filter: where event types or a user are asked for, the rows of each type are read in the order of time from
 * (event_type, created_at) or (user_id, event_type, created_at), and merged. Of no type more than `offset + limit`
 * rows are read, so that neither a frequent type nor a rare one makes a search slow.
 */
export async function searchAudit(
  db: Db,
  filter: AuditFilter,
  page: { readonly limit: number; readonly offset?: number; readonly after?: AuditPosition | undefined },
): Promise<AuditRow[]> {
  const types = await eventTypesOf(db, filter);
  return await readRows(db, selectRows({ ...filter, types }, page));
}

/** How many rows match, counted up to `cap`. */
export async function countAudit(
  db: Db,
  filter: AuditFilter,
  cap: number,
): Promise<{ readonly count: number; readonly isExact: boolean }> {
  const types = await eventTypesOf(db, filter);
  const { rows } = await db.execute<{ count: number }>(selectCount({ ...filter, types }, cap + 1));
  const count = rows[0]?.count ?? 0;
  return { count: Math.min(count, cap), isExact: count <= cap };
}

/** A batch takes some 10 ms, and some 600 KB. */
const EXPORT_BATCH_ROWS = 1_000;

/**
 * All rows that match and were there at the beginning, newest first, a short query for each batch: in constant memory,
 * and with no snapshot that would hold back a vacuum. `database` is asked anew for each.
 */
export async function* exportAudit(
  database: () => Promise<Db> | Db,
  filter: AuditFilter,
  batchRows = EXPORT_BATCH_ROWS,
): AsyncGenerator<AuditRow[]> {
  // Once: rows of a type that is new are younger than where the export is.
  const types = await eventTypesOf(await database(), filter);
  let after: AuditPosition | undefined;
  for (;;) {
    const batch = await readRows(
      await database(),
      selectRows({ ...filter, types }, { limit: batchRows, after }),
    );
    if (batch.length > 0) yield batch;
    if (batch.length < batchRows) return;
    after = batch.at(-1);
  }
}

/** A filter whose event types are spelled out; undefined: all of them, of all users. */
export type TypedFilter = Omit<AuditFilter, 'eventType'> & { readonly types: readonly string[] | undefined };

/**
 * The event types that a filter means, of this user if it names one. A few dozen in a log of any size: each is found
 * by one step through the index, past all rows of the one before.
 */
export async function eventTypesOf(db: Db, filter: AuditFilter): Promise<string[] | undefined> {
  const { eventType, userId } = filter;
  const isPrefix = eventType?.endsWith('.*') ?? false;
  if (eventType !== undefined && !isPrefix) return [eventType];
  if (eventType === undefined && userId === undefined) return undefined;
  const { rows } = await db.execute<{ eventType: string }>(
    selectTypes(eventType === undefined ? undefined : eventType.slice(0, -1), userId),
  );
  return rows.map((row) => row.eventType);
}

/** `prefix` ends with its dot. */
export function selectTypes(prefix: string | undefined, userId: string | undefined): SQL {
  const ofUser = userId === undefined ? sql`` : sql`and a.user_id = ${userId}`;
  // The database compares by code points (C.UTF-8), and `/` is the one after `.`.
  const inPrefix = prefix === undefined ? sql`` : sql`and a.event_type < ${`${prefix.slice(0, -1)}/`}`;
  return sql`
    with recursive types as (
      (select a.event_type from audit.audit_logs a where a.event_type >= ${prefix ?? ''} ${inPrefix} ${ofUser}
       order by a.event_type limit 1)
      union all
      select (select a.event_type from audit.audit_logs a where a.event_type > types.event_type ${inPrefix} ${ofUser}
              order by a.event_type limit 1)
      from types where types.event_type is not null
    )
    select event_type as "eventType" from types where event_type is not null`;
}

const columns = sql.raw(`
  a.id, a.created_at, a.event_type, a.user_id, a.ip_address, a.metadata, a.pii_masked, a.sequence, a.hash`);

/** The query of one page or batch. */
export function selectRows(
  filter: TypedFilter,
  page: { readonly limit: number; readonly offset?: number; readonly after?: AuditPosition | undefined },
): SQL {
  const { limit, offset = 0, after } = page;
  const afterPosition =
    after === undefined
      ? sql``
      : // The first comparison says nothing new but to the planner, which leaves out the partitions after it.
        sql`and a.created_at <= ${after.createdAt.toISOString()}::timestamptz
            and (a.created_at, a.id) < (${after.createdAt.toISOString()}::timestamptz, ${after.id})`;
  return sql`
    select (extract(epoch from a.created_at) * 1000)::float8 as "createdAtMs", a.id, a.event_type as "eventType",
      a.user_id as "userId", a.ip_address as "ipAddress", a.metadata, a.pii_masked as "piiMasked",
      a.sequence::float8 as sequence, a.hash
    from ${matching(filter, columns, sql`${afterPosition} order by a.created_at desc, a.id desc limit ${limit + offset}`)}
    order by a.created_at desc, a.id desc limit ${limit} offset ${offset}`;
}

/**
 * Counts rows, and stops at `limit`. In the order of the page, so that it takes the same index: without one the planner
 * reads a partition in sequence as soon as enough of its pages are newer than their last vacuum.
 */
export function selectCount(filter: TypedFilter, limit: number): SQL {
  const newest = sql`order by a.created_at desc, a.id desc limit ${limit}`;
  return sql`select count(*)::int as count from
    (select 1 from ${matching(filter, sql.raw('1'), newest)} limit ${limit}) counted`;
}

/** What to read from, as `a`: `rest` ends the query of each event type, or of all. */
function matching(filter: TypedFilter, selected: SQL, rest: SQL): SQL {
  const { types, userId, from, to } = filter;
  const of = (type: SQL) => sql`(select ${selected} from audit.audit_logs a where ${type}
    ${userId === undefined ? sql`` : sql`and a.user_id = ${userId}`}
    ${from === undefined ? sql`` : sql`and a.created_at >= ${from.toISOString()}::timestamptz`}
    ${to === undefined ? sql`` : sql`and a.created_at < ${to.toISOString()}::timestamptz`} ${rest}) a`;
  if (types === undefined) return of(sql`true`);
  return sql`unnest(${sql.param(types)}::text[]) as type cross join lateral ${of(sql`a.event_type = type`)}`;
}

async function readRows(db: Db, statement: SQL): Promise<AuditRow[]> {
  const { rows } = await db.execute<
    Omit<AuditRow, 'createdAt'> & { createdAtMs: number } & Record<string, unknown>
  >(statement);
  return rows.map(({ createdAtMs, ...row }) => ({ ...row, createdAt: new Date(createdAtMs) }));
}
