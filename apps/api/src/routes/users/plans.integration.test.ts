/** What the lists of users read, of a table too large to be read. */
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { COUNT_CAP } from '../../pagination.ts';
import { startTestApi, type TestApi } from '../../testing/api.ts';

const PAGE_SIZE = 20;
/** A page and the row that says that there is another, from two indexes, and the names that are passed over. */
const MOST_ROWS_OF_PAGE = 3 * (PAGE_SIZE + 1);
const MOST_ROWS_OF_COUNT = 2 * (COUNT_CAP + 1);

/**
 * Made to mislead: nearly everybody is found by `user`, by address and by name; all managers lie at the end of both
 * orders; a third has one and the same name, and one in twenty is deleted.
 */
const SEED = `
  insert into auth.users (id, email, name, role, created_at, deleted_at)
  select 'seed-' || lpad(i::text, 7, '0'),
         case when i % 20 = 7 then 'zz-manager-' else 'user-' end || lpad(i::text, 7, '0') || '@example.org',
         case when i % 20 = 7 then 'Zz Manager ' || i when i % 3 = 0 then 'User' else 'User ' || i end,
         case when i % 20 = 7 then 'manager' when i % 200 = 1 then 'admin' else 'user' end,
         now() - make_interval(secs => (i * 7919) % 1000000),
         case when i % 20 = 3 then now() end
  from generate_series(1, 200000) i`;

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

async function withSeed() {
  const api = await startTestApi();
  const admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
  try {
    await admin.query(SEED);
    await admin.query('vacuum analyze auth.users');
  } finally {
    await admin.end();
  }
  return { api, token: (await api.addCaller('super_admin')).token };
}

/** The statements that a request sends. */
async function statementsOf(request: () => Promise<void>): Promise<{ text: string; values: unknown[] }[]> {
  const spy = vi.spyOn(pg.Client.prototype, 'query');
  try {
    await request();
    return (spy.mock.calls as unknown[][]).flatMap(([query, values]) => {
      const text = typeof query === 'string' ? query : (query as { text: string }).text;
      return text.startsWith('select') || text.startsWith('(select')
        ? [{ text, values: values as unknown[] }]
        : [];
    });
  } finally {
    spy.mockRestore();
  }
}

/** Which way the table of the users is read by the statements of a request, and how many rows at most by one. */
async function explain(api: TestApi, statements: { text: string; values: unknown[] }[]) {
  const app = new pg.Client({ connectionString: api.database.pooledUrl });
  await app.connect();
  try {
    const plans: { text: string; scans: string[]; rowsRead: number }[] = [];
    for (const { text, values } of statements) {
      const { rows } = await app.query(`explain (analyze, format json) ${text}`, values);
      const scans = nodesOf(rows[0]['QUERY PLAN'][0].Plan).filter(
        (node) => node['Relation Name'] === 'users',
      );
      plans.push({
        text,
        scans: scans.map((node) => node['Node Type']),
        rowsRead: scans.reduce((sum, node) => sum + rowsReadBy(node), 0),
      });
    }
    return plans;
  } finally {
    await app.end();
  }
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function rowsReadBy(node: PlanNode): number {
  const perLoop =
    node['Actual Rows'] +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  return perLoop * node['Actual Loops'];
}

test('every list of 200,000 users reads no more than a small multiple of its page', async () => {
  const { api, token } = await withSeed();
  const list = async (parameters: Record<string, string>) => {
    const query = new URLSearchParams({ pageSize: String(PAGE_SIZE), ...parameters });
    const answer = await api.call('GET', `/api/v1/users?${query}`, { token });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  };
  const failures: string[] = [];
  const check = async (parameters: Record<string, string>) => {
    const name = JSON.stringify(parameters);
    const plans = await explain(api, await statementsOf(async () => void (await list(parameters))));
    if (plans.length < 2) failures.push(`${name}: the statements were not seen`);
    for (const { text, scans, rowsRead } of plans) {
      const most = text.includes('count(') ? MOST_ROWS_OF_COUNT : MOST_ROWS_OF_PAGE;
      if (scans.includes('Seq Scan') || scans.includes('Bitmap Heap Scan') || rowsRead > most) {
        failures.push(`${name}: ${scans} of ${rowsRead} rows by ${text}`);
      }
    }
  };

  const searches = ['user', 'u', 'user-0000', 'user 1999', 'User', 'zz', 'ZZ MANAGER 1', 'nobody', '%', 'é'];
  for (const role of [undefined, 'user', 'manager', 'admin', 'nobody_has_it']) {
    const byRole = role === undefined ? {} : { role };
    const filters = [byRole, ...searches.map((search) => ({ ...byRole, search }))];
    for (const filter of filters) {
      await check(filter);
      await check({ ...filter, page: '2' });
      let { nextCursor } = (await list(filter)).pagination;
      for (let page = 2; page <= 3 && nextCursor !== null; page += 1) {
        await check({ ...filter, cursor: nextCursor });
        ({ nextCursor } = (await list({ ...filter, cursor: nextCursor })).pagination);
      }
    }
  }
  expect(failures).toEqual([]);
});
