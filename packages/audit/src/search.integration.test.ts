import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AuditFilter,
  type AuditRow,
  countAudit,
  eventTypesOf,
  exportAudit,
  searchAudit,
  selectCount,
  selectRows,
  selectTypes,
} from './search.ts';
import { openTestLog, type TestLog } from './testing/log.ts';

/**
 * Rows over five months, six event types (one of them rare) and users u0 (every other row), u1…, of which u0 never
 * did anything rare. Several rows share a millisecond.
 */
async function fill(log: TestLog, rows: number, finish = 'vacuum analyze'): Promise<void> {
  await log.sql('select audit.create_partitions($1::timestamptz::date, 6)', [log.monthsAgo(5)]);
  await log.sql(
    `insert into audit.audit_logs (id, created_at, event_type, user_id, ip_address, metadata)
     select 'r' || i, $1::timestamptz + (i / 3) * ($2::timestamptz - $1::timestamptz) / ($3 / 3),
       case when i % 5000 = 1 then 'auth.rare' else
         (array['auth.login.succeeded', 'auth.login.refused', 'auth.logout', 'authority.made', 'user.updated'])[1 + i % 5] end,
       case when i % 2 = 0 then 'u0' when i % 101 = 1 then null else 'u' || i % 1000 end, '192.0.2.1', '{"n": 1}'
     from generate_series(1, $3) i`,
    // The partition of this month stays empty: of a few rows a sequential scan is the right plan.
    [log.monthsAgo(5), new Date(log.monthsAgo(0).getTime() - 1), rows],
  );
  await log.sql(`${finish} audit.audit_logs`);
}

const filters: [string, (log: TestLog) => AuditFilter][] = [
  ['nothing', () => ({})],
  ['a period', (log) => ({ from: log.monthsAgo(4), to: log.monthsAgo(2) })],
  ['a beginning', (log) => ({ from: log.monthsAgo(1) })],
  ['an end', (log) => ({ to: log.monthsAgo(3) })],
  ['an event type', () => ({ eventType: 'auth.logout' })],
  ['a rare event type', () => ({ eventType: 'auth.rare' })],
  ['an event type that never was', () => ({ eventType: 'no.such' })],
  ['a prefix', () => ({ eventType: 'auth.*' })],
  ['a longer prefix', () => ({ eventType: 'auth.login.*' })],
  ['a prefix that never was', () => ({ eventType: 'no.*' })],
  ['a busy user', () => ({ userId: 'u0' })],
  ['a quiet user', () => ({ userId: 'u7' })],
  ['a user that never was', () => ({ userId: 'nobody' })],
  ['a busy user and a type', () => ({ userId: 'u0', eventType: 'user.updated' })],
  ['a busy user and a type that is not theirs', () => ({ userId: 'u0', eventType: 'auth.rare' })],
  ['a busy user and a prefix', () => ({ userId: 'u0', eventType: 'auth.*' })],
  [
    'everything',
    (log) => ({ userId: 'u0', eventType: 'auth.*', from: log.monthsAgo(4), to: log.monthsAgo(3) }),
  ],
  [
    'a type and a period',
    (log) => ({ eventType: 'auth.logout', from: log.monthsAgo(4), to: log.monthsAgo(3) }),
  ],
];

describe('each filter finds what a look at every row finds', () => {
  test.each(filters)('%s', async (_name, filterOf) => {
    const log = await openTestLog();
    await fill(log, 6_000);
    const filter = filterOf(log);
    const prefix = filter.eventType?.endsWith('*') ? filter.eventType.slice(0, -1) : undefined;
    const expected = (
      await log.sql<{ id: string }>(
        `select id from audit.audit_logs where ($1::text is null or user_id = $1)
         and ($2::text is null or event_type = $2) and ($3::text is null or starts_with(event_type, $3))
         and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)
         order by created_at desc, id desc`,
        [filter.userId, prefix === undefined ? filter.eventType : undefined, prefix, filter.from, filter.to],
      )
    ).map(({ id }) => id);
    const db = log.db.write();
    const ids = (rows: readonly AuditRow[]) => rows.map(({ id }) => id);

    expect(ids(await searchAudit(db, filter, { limit: 50 }))).toEqual(expected.slice(0, 50));
    expect(ids(await searchAudit(db, filter, { limit: 10, offset: 35 }))).toEqual(expected.slice(35, 45));
    const exported: string[] = [];
    for await (const batch of exportAudit(() => db, filter, 700)) exported.push(...ids(batch));
    expect(exported).toEqual(expected);
    expect(await countAudit(db, filter, 1_000)).toEqual({
      count: Math.min(expected.length, 1_000),
      isExact: expected.length <= 1_000,
    });
    expect(await countAudit(db, filter, expected.length)).toEqual({ count: expected.length, isExact: true });
  });
});

test('a prefix ends at a dot: auth.* does not find authority.made', async () => {
  const log = await openTestLog();
  await fill(log, 6_000);
  expect(await eventTypesOf(log.db.write(), { eventType: 'auth.*' })).toEqual([
    'auth.login.refused',
    'auth.login.succeeded',
    'auth.logout',
    'auth.rare',
  ]);
});

describe.each([
  'vacuum analyze',
  // No page is known to be visible to all: nothing is cheap for an index.
  'analyze',
])('with 250,000 rows in five partitions, after %s, each filter begins in an index', (finish) => {
  let log: TestLog;
  let close: () => Promise<void>;
  beforeAll(async () => {
    log = await openTestLog((atEnd) => {
      close = atEnd;
    });
    await fill(log, 250_000, finish);
  });
  afterAll(() => close());

  interface Node {
    'Node Type': string;
    'Relation Name'?: string;
    'Actual Rows': number;
    'Actual Loops': number;
    'Rows Removed by Filter'?: number;
    Plans?: Node[];
  }
  const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
  const rowsRead = (node: Node) =>
    (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];

  test.each(filters)('%s', async (name, filterOf) => {
    const { eventType, ...filter } = filterOf(log);
    const db = log.db.write();
    const types = await eventTypesOf(db, { ...filter, eventType });
    const typed = { ...filter, types };
    const after = { createdAt: log.monthsAgo(2), id: 'r1' };
    const statements = {
      page: selectRows(typed, { limit: 21 }),
      'page 40': selectRows(typed, { limit: 21, offset: 39 * 20 }),
      'after a cursor': selectRows(typed, { limit: 21, after }),
      count: selectCount(typed, 1_001),
      types: selectTypes(eventType?.endsWith('*') ? eventType.slice(0, -1) : undefined, filter.userId),
    };
    for (const [kind, statement] of Object.entries(statements)) {
      if (kind === 'types' && types === undefined) continue;
      const { rows } = await db.execute<{ 'QUERY PLAN': [{ Plan: Node }] }>(
        sql`explain (analyze, format json) ${statement}`,
      );
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      if (plan === undefined) throw new Error('no plan');
      const scans = nodesOf(plan).filter((node) => node['Relation Name']?.startsWith('audit_logs'));
      const read = scans.reduce((sum, node) => sum + rowsRead(node), 0);
      const sequential = scans.filter((node) => node['Node Type'] === 'Seq Scan' && rowsRead(node) > 0);
      expect(sequential, `${name}, ${kind}: ${JSON.stringify(plan)}`).toEqual([]);
      // Of each type no more than the page needs, and a row a partition to begin with.
      const wanted = { page: 21, 'page 40': 801, 'after a cursor': 21, count: 1_001, types: 10 }[kind] ?? 0;
      expect(read, `${name}, ${kind}: ${JSON.stringify(plan)}`).toBeLessThanOrEqual(
        (wanted + 10) * (types?.length || 1) + 50,
      );
    }
  });
});
