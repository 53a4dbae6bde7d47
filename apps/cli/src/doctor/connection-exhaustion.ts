/** The guide's chapter "Database Connection Exhaustion": pool sizes, who holds connections for long, and leaks. */
import { expectNone, type Finding, judge, milliseconds, percent } from './finding.ts';
import { type Chapter, longStatements, type Sources } from './sources.ts';

const CONNECTIONS_RATIO = 0.8;
const POOL_RATIO = 0.9;
/** PgBouncer gives a client up after 10 s. */
const WAIT_SECONDS = 1;
/** Statements within a transaction follow each other in milliseconds. */
const IDLE_SECONDS = 5;
const ACTIVE_SECONDS = 5;

export const connectionExhaustion: Chapter = {
  'connections of Postgres': postgresConnections,
  "PgBouncer's pools": pools,
  'longest wait in PgBouncer': waits,
  'clients of PgBouncer': clients,
  'callers that wait in a process': callers,
  'statements that hold a connection': held,
  'transactions that do nothing': leaks,
};

async function postgresConnections(check: string, { prometheus, statistics }: Sources): Promise<Finding> {
  const figure = await prometheus.value('max(instance:pg_connections:ratio)');
  const rows = await statistics<{ who: string; connections: number }>(`
    select usename as who, count(*)::int as connections from pg_stat_activity
    where backend_type = 'client backend' group by usename order by count(*) desc limit 4`);
  return judge({
    check,
    figure,
    limit: CONNECTIONS_RATIO,
    is: 'above',
    say: percent,
    more: rows.map(({ who, connections }) => `${who} ${connections}`).join(', '),
    next: 'make sdk ARGS="config plan"; docs/runbooks/database-connections-high.md',
  });
}

async function pools(check: string, { prometheus }: Sources): Promise<Finding> {
  const found = await prometheus.series('sort_desc(database:pgbouncer_pool_used:ratio)');
  return judge({
    check,
    figure: found[0]?.value,
    limit: POOL_RATIO,
    is: 'above',
    say: percent,
    more: found.map(({ labels, value }) => `${labels['database']} ${percent(value)}`).join(', '),
    next: 'PGBOUNCER_POOL_SIZE in .env, if the processors are not busy: make sdk ARGS="config plan" says what fits',
  });
}

async function waits(check: string, { prometheus }: Sources): Promise<Finding> {
  return judge({
    check,
    figure: await prometheus.value('max(pgbouncer_pools_client_maxwait_seconds)'),
    limit: WAIT_SECONDS,
    is: 'above',
    say: milliseconds,
    next: 'docs/runbooks/pgbouncer-clients-waiting.md',
  });
}

async function clients(check: string, { prometheus }: Sources): Promise<Finding> {
  return judge({
    check,
    figure: await prometheus.value('max(instance:pgbouncer_clients:ratio)'),
    limit: CONNECTIONS_RATIO,
    is: 'above',
    say: percent,
    next: 'docs/runbooks/pgbouncer-clients-high.md',
  });
}

async function callers(check: string, { prometheus }: Sources): Promise<Finding> {
  const found = await prometheus.series('pool:sv_db_pool_waiting:sum > 0');
  return expectNone({
    check,
    found: found.map(({ labels, value }) => `${value} for ${labels['pool']}`),
    next: 'more instances (make advise), or DB_POOL_MAX in .env',
  });
}

async function held(check: string, sources: Sources): Promise<Finding> {
  const found = await longStatements(sources, ACTIVE_SECONDS);
  return expectNone({
    check,
    found: found.map(({ who, seconds, query }) => `${who} for ${seconds} s: ${query}`),
    next: 'docs/runbooks/app-response-time-high.md',
  });
}

async function leaks(check: string, { statistics }: Sources): Promise<Finding> {
  const rows = await statistics<{ who: string; seconds: number; query: string }>(`
    select usename as who, extract(epoch from now() - state_change)::int as seconds,
           regexp_replace(query, '\\s+', ' ', 'g') as query
    from pg_stat_activity
    where state like 'idle in transaction%' and now() - state_change > interval '${IDLE_SECONDS} s'
    order by state_change limit 3`);
  return expectNone({
    check,
    found: rows.map(({ who, seconds, query }) => `${who} for ${seconds} s after: ${query.slice(0, 100)}`),
    next: "Postgres ends sv_app's after 30 s; whoever holds it began a transaction and waits for something else: docker compose logs --since 5m app worker",
  });
}
