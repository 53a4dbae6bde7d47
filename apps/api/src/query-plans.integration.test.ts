/**
 * Which way the statements of the API take through tables that are too large to be read. They are heard on their way to
 * Postgres while every route is asked, by every filter that it has, so that a new route or filter is in it by itself,
 * or fails the first test. What nobody sends by name, a trigger's or a foreign key's own statements, the tables'
 * counters tell.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Endpoint } from './endpoint/endpoint.ts';
import { endpoints } from './routes/index.ts';
import { startTestApi, type TestApi } from './testing/api.ts';
import { addCredential, addUserWithRole, cookieNameOf } from './testing/callers.ts';
import { fromBrevo, postWebhook, receiversOf } from './testing/email-webhooks.ts';
import { LARGE_ROWS, SEED, SEEDED_USER, SMALL_TABLES } from './testing/large-database.ts';
import { addRouteRoles, endpointOf, operationOf, ROUTES, type Route, send } from './testing/routes.ts';

/**
 * Values of query parameters, by their names: some find much, some little, some nothing. `page` and `pageSize` come with
 * each of the others, `cursor` out of the first page.
 */
const LONG_AGO = '2020-01-01T00:00:00Z';
const LAST_WEEK = new Date(Date.now() - 7 * 86_400_000).toISOString();
const VALUES: Readonly<Record<string, readonly string[]>> = {
  search: ['seed-', 'User 4999', 'nobody'],
  role: ['user', 'manager', 'nobody_has_it'],
  status: ['queued', 'sent', 'delivered', 'bounced', 'failed', 'suppressed', 'cancelled', 'uncertain'],
  template: ['notification', 'invite', 'nothing_of_it'],
  to: ['seed-1@example.org', 'nobody@example.org'],
  from: [LAST_WEEK],
  until: [LAST_WEEK, LONG_AGO],
  eventType: ['auth.login', 'role.granted', 'auth.*', 'nothing.*'],
  userId: [SEEDED_USER, 'nobody'],
  name: ['notification'],
  locale: ['en'],
  isActive: ['true', 'false'],
  email: ['seed-1@example.org', 'nobody@example.org'],
  reason: ['manual', 'bounce'],
  format: ['json'],
  kind: ['transactional', 'marketing'],
};
/** The same name, and other values. */
const VALUES_OF: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  getEmailStats: { until: [new Date().toISOString()] },
  listAudit: { to: [LAST_WEEK, LONG_AGO] },
  exportAudit: { to: [LONG_AGO], eventType: ['nothing.*'], userId: ['nobody'] },
};
const PAGING = ['page', 'pageSize', 'cursor'];

/** A statement that reads more than this of a large table reads most of it: a page, a count and a search are far below. */
const MOST_ROWS_READ = 5_000;
/** What has to look at all that it sums up. */
const MAY_READ_MORE: Readonly<Record<string, string>> = {
  getEmailStats: 'sums up the emails of its period, which is bounded, over an index',
  listAudit:
    'a rare event type is found by time where the planner cannot know that it is rare: never in sequence',
  exportAudit: 'the same',
};

const parametersOf = ({ query }: Endpoint): string[] =>
  query !== undefined && 'shape' in query ? Object.keys(query.shape as object) : [];
const valuesOf = (operationId: string, parameter: string) =>
  VALUES_OF[operationId]?.[parameter] ?? VALUES[parameter] ?? [];

/** Each value of each filter alone, and with one of every other. */
function queriesOf(endpoint: Endpoint, route: Route): string[] {
  const fixed = new URLSearchParams(route.query ?? '');
  const parameters = parametersOf(endpoint);
  const filters = parameters.filter((name) => !PAGING.includes(name));
  const pages: Record<string, string>[] = parameters.includes('page') ? [{}, { page: '2' }] : [{}];
  const choices: Record<string, string>[] = [{}];
  for (const [index, name] of filters.entries()) {
    for (const value of valuesOf(endpoint.operationId, name)) {
      choices.push({ [name]: value });
      for (const other of filters.slice(index + 1)) {
        const [otherValue] = valuesOf(endpoint.operationId, other);
        if (otherValue !== undefined) choices.push({ [name]: value, [other]: otherValue });
      }
    }
  }
  return choices.flatMap((choice) =>
    pages.map((page) => {
      const query = new URLSearchParams({ ...Object.fromEntries(fixed), ...choice, ...page });
      return query.size === 0 ? '' : `?${query}`;
    }),
  );
}

interface Statement {
  readonly operation: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What reads or changes rows; not BEGIN, a savepoint, a notification. */
const READS_OR_WRITES = /^\s*\(?\s*(?:select|with|insert|update|delete)\b/i;

let api: TestApi;
let admin: pg.Client;
let large: Map<string, number>;
const statements: Statement[] = [];
/** Operations that nobody was answered by. */
const unanswered = new Set(endpoints.map(({ operationId }) => operationId));
let sequentialScans: { name: string; scans: number }[];
const closing: (() => Promise<void>)[] = [];

async function hear<T>(operation: string, action: () => Promise<T>): Promise<T> {
  const spy = vi.spyOn(pg.Client.prototype, 'query');
  try {
    return await action();
  } finally {
    for (const [query, values] of spy.mock.calls as unknown[][]) {
      const config = typeof query === 'string' ? { text: query } : (query as pg.QueryConfig);
      const bound = (values ?? config.values ?? []) as unknown[];
      if (READS_OR_WRITES.test(config.text)) statements.push({ operation, text: config.text, values: bound });
    }
    spy.mockRestore();
  }
}

async function askEveryRoute(): Promise<void> {
  const cookieName = await cookieNameOf(api);
  for (const [name, route] of Object.entries(ROUTES)) {
    const endpoint = endpointOf(name);
    for (const scope of ['own', 'any'] as const) {
      const steps = route[scope];
      if (steps === undefined) continue;
      const isNobodys = steps.some(({ permission }) => permission === undefined);
      // Some lists have other statements for those who may not see everything.
      const roles = endpoint.method === 'get' ? ['super_admin', 'user'] : ['super_admin'];
      for (const role of roles) {
        const { credential, id } = await api.db.withTx(async (tx) => {
          const callerId = await addUserWithRole(tx, role);
          const ownerId = scope === 'own' ? callerId : await addUserWithRole(tx, 'user');
          return {
            credential: await addCredential(tx, callerId, 'bearer', { cookieName }),
            id: (await route.resource?.(tx, ownerId)) ?? '',
          };
        });
        for (const query of queriesOf(endpoint, route)) {
          const ask = (by: string) =>
            hear(operationOf(name), () => send(api, { route, endpoint, id, credential, query: by }));
          const answer = await ask(query);
          const isAnswered = answer.status < 300 || answer.body.error?.code === route.error;
          if (isAnswered) unanswered.delete(endpoint.operationId);
          else if (role === 'super_admin' && !isNobodys)
            throw new Error(`${name}${query}: ${JSON.stringify(answer.body)}`);
          const cursor = answer.body?.pagination?.nextCursor;
          if (typeof cursor === 'string' && !query.includes('page=')) {
            await ask(`${query}${query === '' ? '?' : '&'}cursor=${cursor}`);
          }
        }
      }
    }
  }
}

/** Those that are no endpoints: they have no envelope, or are not for a browser. */
async function askTheRest(): Promise<void> {
  const token = 'A'.repeat(43);
  await admin.query(
    `insert into email.email_preferences (id, email, unsubscribe_token) values ('plans', 'plans@example.org', $1)`,
    [token],
  );
  for (const method of ['GET', 'POST']) {
    const response = await hear(`${method} /unsubscribe`, () =>
      fetch(`${api.url}/unsubscribe/${token}`, { method }),
    );
    expect(response.status).toBe(200);
  }
  const event = {
    event: 'delivered',
    email: 'a@example.org',
    'message-id': '<1@example.org>',
    id: 1,
    ts_event: 1,
  };
  const { status } = await hear('webhook', () => postWebhook(api, fromBrevo(event)));
  expect(status).toBe(200);
  const key = { 'idempotency-key': 'plans' };
  const body = { email: 'seed-1@example.org', password: 'not the password' };
  for (let repetition = 0; repetition < 2; repetition += 1) {
    await hear('Idempotency-Key', () => api.call('POST', '/api/v1/auth/login', { body, headers: key }));
  }
}

/** Of all large tables, since the database is there. What a session has counted it tells at its end. */
async function countSequentialScans(): Promise<Map<string, number>> {
  await admin.query(
    `select pg_terminate_backend(pid, 30000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  const { rows } = await admin.query<{ name: string; scans: string }>(
    `select schemaname || '.' || relname as name, seq_scan as scans from pg_stat_user_tables`,
  );
  return new Map(rows.map(({ name, scans }) => [name, Number(scans)]));
}

beforeAll(async () => {
  api = await startTestApi({
    atEnd: (close) => closing.push(close),
    emailWebhooks: receiversOf({ agents: {}, roots: [] } as never).filter(
      ({ provider }) => provider === 'brevo',
    ),
  });
  admin = new pg.Client({ connectionString: api.database.adminUrl });
  closing.unshift(() => admin.end());
  await admin.connect();
  await addRouteRoles(api);
  await admin.query(SEED);
  await admin.query('vacuum analyze');
  const { rows } = await admin.query<{ name: string; rows: number }>(
    `select oid::regclass::text as name, reltuples as rows from pg_class
     where relkind = 'r' and relnamespace::regnamespace::text in ('auth', 'permissions', 'email', 'audit') and reltuples > $1`,
    [LARGE_ROWS],
  );
  large = new Map(rows.map((row) => [row.name, row.rows]));
  const before = await countSequentialScans();
  await askEveryRoute();
  await askTheRest();
  const after = await countSequentialScans();
  sequentialScans = [...large.keys()]
    .map((name) => ({ name, scans: (after.get(name) ?? 0) - (before.get(name) ?? 0) }))
    .filter(({ scans }) => scans > 0);
}, 300_000);
afterAll(async () => {
  for (const close of closing) await close();
});

describe('what is asked', () => {
  test('every route answered, and every filter of every route has values', () => {
    expect([...unanswered]).toEqual([]);
    const unknown = endpoints.flatMap((endpoint) =>
      parametersOf(endpoint)
        .filter((name) => !PAGING.includes(name) && valuesOf(endpoint.operationId, name).length === 0)
        .map((name) => `${endpoint.operationId}: ${name}`),
    );
    expect(unknown).toEqual([]);
    expect(statements.length).toBeGreaterThan(1_000);
  });

  test('every table is large here, or is small wherever the platform runs', async () => {
    const { rows } = await admin.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class
       where relkind = 'r' and not relispartition and relnamespace::regnamespace::text in ('auth', 'permissions', 'email', 'audit')`,
    );
    const undecided = rows
      .map(({ name }) => name)
      .filter((name) => !large.has(name) && !(name in SMALL_TABLES));
    expect(undecided).toEqual([]);
    expect([...large.keys()].filter((name) => name.startsWith('audit.audit_logs_20')).length).toBeGreaterThan(
      2,
    );
  });
});

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Schema?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

const nodesOf = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

function rowsReadBy(node: PlanNode): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return ((node['Actual Rows'] ?? 0) + removed) * (node['Actual Loops'] ?? 0);
}

/** A statement's plan. What only reads is run: what it reads is what it costs. A change can't be made twice. */
async function planOf({ text, values }: Statement): Promise<PlanNode[]> {
  const analyze = /^\s*\(?\s*select\b(?!.*\bfor (?:update|share|no key))/is.test(text);
  const { rows } = await admin.query(
    `explain (${analyze ? 'analyze, timing off, ' : ''}verbose, format json) ${text}`,
    [...values],
  );
  return nodesOf(rows[0]['QUERY PLAN'][0].Plan);
}

test('no statement reads a large table in sequence, or most of it by an index', async () => {
  const seen = new Set<string>();
  const failures = new Set<string>();
  for (const statement of statements) {
    const key = JSON.stringify([statement.text, statement.values.map((value) => String(value).slice(0, 12))]);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const node of await planOf(statement)) {
      const relation = `${node.Schema}.${node['Relation Name']}`;
      if (!large.has(relation)) continue;
      const isSequential = node['Node Type'] === 'Seq Scan';
      const isTooMuch = rowsReadBy(node) > MOST_ROWS_READ && !(statement.operation in MAY_READ_MORE);
      if (isSequential || isTooMuch) {
        const what = `${statement.operation}: ${node['Node Type']} of ${relation}, ${rowsReadBy(node)} rows`;
        failures.add(`${what}, by ${statement.text} ${JSON.stringify(statement.values)}`);
      }
    }
  }
  process.stdout.write(`${seen.size} statements of ${endpoints.length} routes explained\n`);
  expect([...failures]).toEqual([]);
}, 300_000);

test('nor does what a trigger or a foreign key asks', () => {
  expect(sequentialScans).toEqual([]);
});
