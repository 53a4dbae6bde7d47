/** For tests: an audit log in a database of the test's own, over several months, sealed. */
import { createDatabase, type Database } from '@sv-sdk/db';
import { createTestDatabase, type TestDatabase } from '@sv-sdk/db/testing';
import { createLogger } from '@sv-sdk/telemetry';
import pg from 'pg';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { type ChainKeys, deriveChainKey } from '../chain.ts';
import { type SealOptions, sealBatch } from '../seal.ts';
import { type Finding, type Verification, verifyAudit } from '../verify.ts';

export const KEY = deriveChainKey('0123456789abcdef'.repeat(4));
export const KEYS: ChainKeys = [KEY];

export interface TestLog {
  readonly server: TestDatabase;
  /** As the app has it. */
  readonly db: Database;
  /** The superuser: may tamper with everything. */
  readonly admin: pg.Client;
  /** As superuser; answers the rows. */
  sql<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** The first moment of the month so many months ago. */
  monthsAgo(months: number): Date;
  /**
   * Rows `<prefix>1`… with a minute between them, from this moment on; partitions are made as needed.
   */
  addRows(prefix: string, from: Date, rows: number): Promise<void>;
  /** Seals all there is, and answers how many rows. */
  seal(options?: Partial<Omit<SealOptions, 'db'>>): Promise<number>;
  verify(
    options?: Partial<Parameters<typeof verifyAudit>[0]>,
  ): Promise<{ verification: Verification; findings: Finding[] }>;
}

/** Closed at the end of the test, or when the caller (of a `beforeAll`) says. */
export async function openTestLog(
  atEnd: (close: () => Promise<void>) => void = onTestFinished,
): Promise<TestLog> {
  const stack = new AsyncDisposableStack();
  atEnd(() => stack.disposeAsync());
  const server = await createTestDatabase();
  stack.defer(() => server.drop());
  const db = createDatabase({
    primaryUrl: server.pooledUrl,
    poolMin: 0,
    poolMax: 4,
    logger: createLogger({ service: 'test', version: 'test', level: 'silent' }),
    registry: new Registry(),
  });
  stack.defer(() => db.close());
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  stack.defer(() => admin.end());

  const sql: TestLog['sql'] = async <T extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
    (await admin.query<T>(text, values)).rows;
  const now = new Date();
  return {
    server,
    db,
    admin,
    sql,
    monthsAgo: (months) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months)),
    async addRows(prefix, from, rows) {
      const to = new Date(from.getTime() + rows * 60_000);
      await sql('select audit.create_partitions($1::timestamptz::date, $2)', [
        from,
        (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth() + 1,
      ]);
      await sql(
        `insert into audit.audit_logs (id, created_at, event_type, user_id, ip_address, metadata)
         select $1 || i, $2::timestamptz + (i - 1) * interval '1 minute', 'user.updated', 'u' || i % 7, '192.0.2.1',
           jsonb_build_object('name', 'Ä ' || i, 'number', i / 3.0, 'list', jsonb_build_array(true, null, i))
         from generate_series(1, $3) i`,
        [prefix, from, rows],
      );
    },
    async seal(options = {}) {
      let sealed = 0;
      for (;;) {
        const { rows } = await sealBatch({ db, keys: KEYS, ...options });
        if (rows === 0) return sealed;
        sealed += rows;
      }
    },
    async verify(options = {}) {
      const findings: Finding[] = [];
      const verification = await verifyAudit({
        db,
        keys: KEYS,
        onFinding: (finding) => findings.push(finding),
        ...options,
      });
      return { verification, findings };
    },
  };
}

/** A finding in short, such as `changed b3` or `removed 4-5 between a3 and b3`. */
export function short(finding: Finding): string {
  switch (finding.kind) {
    case 'head':
      return 'head';
    case 'anchor':
      return `anchor ${finding.partition}`;
    case 'removed': {
      const { firstSequence, lastSequence, before, after } = finding;
      return `removed ${firstSequence}-${lastSequence} between ${before?.id ?? 'nothing'} and ${after?.id ?? 'nothing'}`;
    }
    default:
      return `${finding.kind} ${finding.id}`;
  }
}
