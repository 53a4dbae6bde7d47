/** Fills a platform with made-up rows by COPY, so that size can be tried out. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { recordAudit } from '@sv-sdk/audit';
import { cacheKey } from '@sv-sdk/cache';
import { markStale, type Tx, transactOn } from '@sv-sdk/db';
import type { Logger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import {
  AUDIT_SPAN_MS,
  type CopyTarget,
  copyAudit,
  copyEmails,
  copyGrants,
  copyUsers,
  type SeededUser,
  type SetName,
} from './sets.ts';

export type SetKind = 'users' | 'audit' | 'emails';

export interface SeedOptions {
  readonly users: number;
  readonly audit: number;
  readonly emails: number;
  readonly seed: number;
  /** The end of the time over which new rows are spread. */
  readonly until: Date;
  /** The address of the administrator that `sdk db migrate` makes: nobody who has come by themselves. */
  readonly administratorEmail: string;
  /** Seeds a platform with real users too. */
  readonly isForced: boolean;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly onProgress?: (kind: SetKind | 'statistics', done: number, total: number) => void;
}

export interface SetReport {
  readonly kind: SetKind;
  readonly count: number;
  /** Rows that this run wrote: all of the set, or none as it was there. */
  readonly added: number;
  readonly seconds: number;
}

/** Rows are handed on in pieces of about this size: a write per row would cost more than making it. */
const CHUNK_CHARACTERS = 64 * 1024;
/** Whom audit rows and emails speak of where no users are seeded with them. */
const ACTORS_WITHOUT_USERS = 1_000;
/** Any number that nothing else locks: "SVSEEDED" in ASCII. */
const SEED_LOCK = '6005080696190125380';
const SET_EVENT = 'platform.seeded';

/**
 * Writes the sets that are asked for, each in one transaction: it is there whole or not at all, whatever happens
 * in between. A set that is there is left as it is. `directUrl` must lead to Postgres itself.
 */
export async function seedPlatform(directUrl: string, options: SeedOptions): Promise<SetReport[]> {
  const isReal = await hasRealUsers(directUrl, options.administratorEmail);
  if (isReal && !options.isForced) throw new RealUsersError();
  const client = newClient(directUrl);
  const stopCancelling = cancelOnAbort(client, directUrl, options);
  try {
    await client.connect();
    // Minutes for millions of rows; the database bounds a transaction to the seconds that a request may take.
    await client.query('set transaction_timeout = 0');
    await lock(client);
    const people = await nameSet(client, 'users', options.users || ACTORS_WITHOUT_USERS, options);
    const reports: SetReport[] = [];
    if (options.users > 0) reports.push(await addUsers(client, people, options));
    if (options.audit > 0) reports.push(await addAudit(client, people.name, { ...options, isReal }));
    if (options.emails > 0) reports.push(await addEmails(client, people.name, options));
    return reports;
  } finally {
    stopCancelling();
    await client.end();
  }
}

function newClient(directUrl: string): pg.Client {
  const client = new pg.Client({ connectionString: directUrl });
  // The statement under way is rejected; without a listener the process would end before it could say so.
  client.on('error', () => undefined);
  return client;
}

/** A session lock: it ends with the connection, however that ends. */
async function lock(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
    SEED_LOCK,
  ]);
  if (!rows[0]?.locked) throw new Error('another `sdk db seed` is at work on this database');
}

/** Real is who is neither the first administrator nor at an address that can be nobody's (RFC 2606). */
const REAL_USER = `email <> $1 and email !~ '(\\.|@)(invalid|test|example|example\\.(com|net|org))$'`;

/** People use the platform; made-up rows in their lists and statistics are no joke. */
export class RealUsersError extends Error {
  constructor() {
    super(
      'this platform has real users: addresses other than SV_ADMIN_EMAIL and the reserved ones (example.org, .invalid). ' +
        '--force goes on nevertheless',
    );
    this.name = 'RealUsersError';
  }
}

/** Whether people use the platform. */
export async function hasRealUsers(directUrl: string, administratorEmail: string): Promise<boolean> {
  const client = newClient(directUrl);
  try {
    await client.connect();
    const { rows } = await client.query<{ found: boolean }>(
      `select exists (select from auth.users where ${REAL_USER}) as found`,
      [administratorEmail.toLowerCase()],
    );
    return rows[0]?.found ?? false;
  } finally {
    await client.end();
  }
}

interface KnownSet {
  readonly name: SetName;
  readonly isThere: boolean;
}

/** A set that was written keeps the end of its time, so that what refers to its rows finds them another day too. */
async function nameSet(
  client: pg.Client,
  kind: SetKind,
  count: number,
  { seed, until }: SeedOptions,
): Promise<KnownSet> {
  const { rows } = await client.query<{ until: string }>(
    `select metadata->>'until' as until from audit.audit_logs
     where event_type = $1 and metadata @> $2 order by created_at desc limit 1`,
    [SET_EVENT, { kind, seed, count }],
  );
  const [found] = rows;
  const untilMs = found === undefined ? until.getTime() : Date.parse(found.until);
  return { name: { seed, count, untilMs }, isThere: found !== undefined };
}

async function addUsers(client: pg.Client, people: KnownSet, options: SeedOptions): Promise<SetReport> {
  return await addSet(
    client,
    'users',
    people,
    options,
    async () => {
      const roleIds = await findRoles(client);
      return [copyUsers(people.name), copyGrants(people.name, roleIds)];
    },
    async (tx) => {
      await markStale(tx, [undefined, 'user', 'manager'].map(cacheKey.userList));
      return {};
    },
  );
}

async function addAudit(
  client: pg.Client,
  actors: SetName,
  options: SeedOptions & { isReal: boolean },
): Promise<SetReport> {
  const set = await nameSet(client, 'audit', options.audit, options);
  return await addSet(
    client,
    'audit',
    set,
    options,
    async () => {
      await makePartitions(client, set.name);
      return [copyAudit(set.name, actors)];
    },
    // Evidence about real people is kept as it is, and `sdk audit verify` names the made-up rows as backdated.
    async (tx) => ({ isChainRestarted: !options.isReal && (await restartChain(tx)) }),
  );
}

/**
 * Takes the seals off, so that the worker seals everything anew in the order of time: made-up rows of last spring
 * behind today's would else look like what they are, and no month of theirs could ever be dropped. An earlier end
 * of the chain that somebody has written down is no longer in it. Answers whether it was done: where months have
 * been dropped already, the chain can't begin at its beginning.
 */
async function restartChain(tx: Tx): Promise<boolean> {
  // As the sealer does: the end of the chain first, the rows after it.
  await tx.execute(sql`select from audit.chain_head for update`);
  const { rows } = await tx.execute<{ found: boolean }>(
    sql`select exists (select from audit.dropped_partitions) as found`,
  );
  if (rows[0]?.found) return false;
  await tx.execute(sql`update audit.audit_logs set sequence = null, hash = null where sequence is not null`);
  await tx.execute(
    sql`update audit.chain_head set sequence = 0, hash = '', signature = null, sealed_at = now()`,
  );
  return true;
}

async function addEmails(client: pg.Client, recipients: SetName, options: SeedOptions): Promise<SetReport> {
  const set = await nameSet(client, 'emails', options.emails, options);
  return await addSet(client, 'emails', set, options, async () => [copyEmails(set.name, recipients)]);
}

/**
 * `prepare` names what is to be copied; it may write outside of the set's transaction. `finish` is the last thing in
 * it, and answers what the audit row is to say beside the name.
 */
async function addSet(
  client: pg.Client,
  kind: SetKind,
  { name, isThere }: KnownSet,
  options: SeedOptions,
  prepare: () => Promise<CopyTarget[]>,
  finish: (tx: Tx) => Promise<Record<string, unknown>> = async () => ({}),
): Promise<SetReport> {
  const { count } = name;
  if (isThere) return { kind, count, added: 0, seconds: 0 };
  const started = performance.now();
  const targets = await prepare();
  await transactOn(
    client,
    async (tx) => {
      for (const [index, target] of targets.entries()) {
        await copy(client, target, count, options.signal, (rows) =>
          options.onProgress?.(kind, index * count + rows, targets.length * count),
        );
      }
      await recordAudit(tx, {
        eventType: SET_EVENT,
        userId: null,
        ipAddress: null,
        metadata: {
          kind,
          seed: name.seed,
          count,
          until: new Date(name.untilMs).toISOString(),
          ...(await finish(tx)),
          by: 'sdk db seed',
        },
      });
    },
    // The client is closed in any case.
    { logger: options.logger, onBroken: () => undefined },
  );
  options.onProgress?.('statistics', 0, 1);
  // Else the planner goes by an empty table until autovacuum has been there.
  for (const { table } of targets) await client.query(`analyze ${table}`);
  return { kind, count, added: count, seconds: (performance.now() - started) / 1000 };
}

async function copy(
  client: pg.Client,
  target: CopyTarget,
  count: number,
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<void> {
  const stream = client.query(copyFrom(`copy ${target.table} (${target.columns.join(', ')}) from stdin`));
  // The server's answer to a COPY that was given up comes when nobody listens any more.
  stream.on('error', () => undefined);
  await pipeline(Readable.from(chunks(target, count, onRows)), stream, { signal });
}

/** Constant memory: the next piece is made when the one before has gone to the server. */
function* chunks({ rowOf, blockRows = 1 }: CopyTarget, count: number, onRows: (rows: number) => void) {
  let chunk = '';
  for (let index = 0; index < count; index += blockRows) {
    const end = Math.min(index + blockRows, count);
    const block = Array.from({ length: end - index }, (_, offset) => rowOf(index + offset));
    if (blockRows > 1) block.sort();
    for (const [offset, row] of block.entries()) {
      chunk += row;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      onRows(index + offset + 1);
      chunk = '';
    }
  }
  yield chunk;
  onRows(count);
}

async function findRoles(client: pg.Client): Promise<Record<SeededUser['role'], string>> {
  const { rows } = await client.query<{ id: string; name: string }>(
    "select id, name from permissions.roles where name in ('user', 'manager')",
  );
  const idOf = (wanted: string) => {
    const id = rows.find(({ name }) => name === wanted)?.id;
    if (id === undefined) throw new Error(`the role ${wanted} does not exist; run \`sdk db migrate\``);
    return id;
  };
  return { user: idOf('user'), manager: idOf('manager') };
}

/** Of every month in which rows will be: without one they would land in the default partition. */
async function makePartitions(client: pg.Client, { untilMs }: SetName): Promise<void> {
  const first = new Date(untilMs - AUDIT_SPAN_MS);
  const last = new Date(untilMs);
  const months =
    (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth() + 1;
  await client.query('select audit.create_partitions($1::date, $2)', [
    first.toISOString().slice(0, 10),
    months,
  ]);
}

/**
 * A COPY whose rows have all been sent is still minutes of work for the server (indexes, foreign keys): a
 * statement under way is cancelled there, over a connection of its own.
 */
function cancelOnAbort(client: pg.Client, directUrl: string, { signal, logger }: SeedOptions): () => void {
  const cancel = async () => {
    const second = newClient(directUrl);
    try {
      await second.connect();
      await second.query('select pg_cancel_backend($1)', [processIdOf(client)]);
    } catch (error) {
      // The transaction is rolled back in any case, a little later.
      logger.warn({ err: error }, 'the statement under way could not be cancelled');
    } finally {
      await second.end();
    }
  };
  const onAbort = () => void cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

/** Known to every client of node-postgres from its connect on; only the types don't say so. */
function processIdOf(client: pg.Client): number | null {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : null;
}
