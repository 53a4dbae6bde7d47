/** The guide's chapter "Slow Responses": queries, the cache, those outside, the network; and what else makes an answer wait. */
import { withPassword } from '@sv-sdk/config';
import { withClient } from '@sv-sdk/db';
import { openRedisClient } from '@sv-sdk/redis';
import { expectNone, type Finding, judge, milliseconds, percent } from './finding.ts';
import { type Chapter, longStatements, type Sources } from './sources.ts';

/** The guide's trigger for more instances. */
const RESPONSE_P95_SECONDS = 0.5;
/** Below it the guide calls the cache of little use. */
const CACHE_HITS_RATIO = 0.8;
/** As Postgres logs them (log_min_duration_statement). */
const STATEMENT_SECONDS = 0.5;
/** A statement that is called rarely has an average that says little. */
const CALLS_TO_JUDGE = 20;
const RUNNING_SECONDS = 1;
/** Of answers outside: a provider's own time limit is several times that. */
const PROVIDER_P95_SECONDS = 2;
/** A request waits so long for its turn, and again after each answer that it waits for. */
const EVENT_LOOP_P99_SECONDS = 0.1;
/** Within one machine it is tenths of a millisecond. */
const ROUND_TRIP_SECONDS = 0.005;
const ROUND_TRIPS = 20;
const ANSWER_LIMIT_MS = 5_000;

export const slowResponses: Chapter = {
  'response time, p95': responseTime,
  'slow statements': slowStatements,
  'statements that run now': runningStatements,
  'cache hit rate': cacheHits,
  'answers of email providers, p95': providers,
  'round trip to Postgres': postgresRoundTrip,
  'round trip to Redis': redisRoundTrip,
  'event loop delay of the apps, p99': eventLoop,
  'requests turned away': shed,
};

async function responseTime(check: string, { prometheus }: Sources): Promise<Finding> {
  const figure = await prometheus.value('max(job:sv_http_request_duration_seconds:p95_5m{job="app"})');
  const routes = await prometheus.series('topk(3, route:sv_http_request_duration_seconds:p95_5m > 0)');
  return judge({
    check,
    figure,
    limit: RESPONSE_P95_SECONDS,
    is: 'above',
    say: milliseconds,
    more: routes
      .map(({ labels, value }) =>
        `${labels['method'] ?? ''} ${labels['route']} ${milliseconds(value)}`.trim(),
      )
      .join(', '),
    next: 'make profile SERVICE=app',
  });
}

async function slowStatements(check: string, { statistics }: Sources): Promise<Finding> {
  const rows = await statistics<{ ms: number; calls: number; query: string }>(`
    select round(mean_exec_time)::int as ms, calls::int, regexp_replace(query, '\\s+', ' ', 'g') as query
    from pg_stat_statements
    where calls >= ${CALLS_TO_JUDGE} and mean_exec_time >= ${STATEMENT_SECONDS * 1000}
      and userid = (select oid from pg_roles where rolname = 'sv_app')
    order by total_exec_time desc limit 3`);
  return expectNone({
    check,
    found: rows.map(
      ({ ms, calls, query }) => `${ms} ms on average in ${calls} calls: ${query.slice(0, 100)}`,
    ),
    next: 'an index for it (docs/runbooks/app-response-time-high.md); docker compose logs --since 10m postgres | grep duration',
  });
}

async function runningStatements(check: string, sources: Sources): Promise<Finding> {
  const found = await longStatements(sources, RUNNING_SECONDS);
  return expectNone({
    check,
    found: found.map(
      ({ who, seconds, waits, query }) => `${who} for ${seconds} s, waits for ${waits}: ${query}`,
    ),
    next: 'docker compose logs --since 10m postgres | grep -e duration -e "still waiting"',
  });
}

async function cacheHits(check: string, { prometheus }: Sources): Promise<Finding> {
  const kinds = await prometheus.series(
    'sort(kind:sv_cache_hits:ratio_rate5m and on (kind) kind:sv_cache_requests:rate5m > 1)',
  );
  const [worst] = kinds;
  return judge({
    check,
    figure: worst?.value,
    limit: CACHE_HITS_RATIO,
    is: 'below',
    say: percent,
    more: kinds.map(({ labels, value }) => `${labels['kind']} ${percent(value)}`).join(', '),
    next: 'docs/operations/cache.md; docs/runbooks/redis-memory-high.md where keys are evicted',
  });
}

async function providers(check: string, { prometheus }: Sources): Promise<Finding> {
  const found = await prometheus.series(
    'sort_desc(histogram_quantile(0.95, sum by (provider, le) (rate(sv_email_provider_answer_seconds_bucket[5m]))) > 0)',
  );
  return judge({
    check,
    figure: found[0]?.value,
    limit: PROVIDER_P95_SECONDS,
    is: 'above',
    say: milliseconds,
    more: found.map(({ labels, value }) => `${labels['provider']} ${milliseconds(value)}`).join(', '),
    next: 'docs/operations/email-providers.md (fallback); docs/runbooks/email-provider-circuit-open.md',
  });
}

async function postgresRoundTrip(check: string, { config }: Sources): Promise<Finding> {
  const fastest = await withClient(withPassword(config.DATABASE_URL, config.DB_PASSWORD), (client) =>
    fastestSeconds(() => client.query('select 1')),
  );
  return roundTrip(check, fastest, 'docs/runbooks/pgbouncer-clients-waiting.md');
}

async function redisRoundTrip(check: string, { config }: Sources): Promise<Finding> {
  const redis = openRedisClient(withPassword(config.REDIS_URL, config.REDIS_PASSWORD), {
    connectTimeout: ANSWER_LIMIT_MS,
    commandTimeout: ANSWER_LIMIT_MS,
    maxRetriesPerRequest: 1,
    retryDelayMs: () => null,
  });
  redis.on('error', () => undefined);
  try {
    return roundTrip(check, await fastestSeconds(() => redis.get('doctor')), 'docs/operations/cache.md');
  } finally {
    redis.disconnect();
  }
}

const roundTrip = (check: string, figure: number, next: string): Finding =>
  judge({ check, figure, limit: ROUND_TRIP_SECONDS, is: 'above', say: milliseconds, next });

/** Of several: a slow one among them is the processor's, and the network's is in all of them. */
async function fastestSeconds(ask: () => Promise<unknown>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let asked = 0; asked < ROUND_TRIPS; asked += 1) {
    const startedAtMs = performance.now();
    await ask();
    fastest = Math.min(fastest, (performance.now() - startedAtMs) / 1000);
  }
  return fastest;
}

async function eventLoop(check: string, { prometheus }: Sources): Promise<Finding> {
  return judge({
    check,
    figure: await prometheus.value('max(nodejs_eventloop_lag_p99_seconds{job="app"})'),
    limit: EVENT_LOOP_P99_SECONDS,
    is: 'above',
    say: milliseconds,
    next: 'make profile SERVICE=app, or more instances: make advise',
  });
}

async function shed(check: string, { prometheus }: Sources): Promise<Finding> {
  const reasons = await prometheus.series('reason:sv_http_requests_shed:rate5m > 0');
  return expectNone({
    check,
    found: reasons.map(({ labels, value }) => `${value.toFixed(1)}/s because of ${labels['reason']}`),
    next: 'docs/runbooks/app-shedding-load.md; make advise',
  });
}
