/**
 * What PgBouncer costs: a prepared query by primary key, direct and through it, in turns, from one connection and from
 * sixteen. Its worth is another: 500 clients at once are served over the few connections of a pool, and without it
 * Postgres refuses them (packages/db/src/pgbouncer.integration.test.ts).
 *
 *   node bench/pgbouncer-cost.ts
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Network } from 'testcontainers';
import { eq, sql } from '../packages/db/node_modules/drizzle-orm/index.js';
import { createDatabase, type Database, migrate, roles } from '../packages/db/src/index.ts';
import {
  makeSecrets,
  removeContainers,
  startPgbouncer,
  startPrimary,
} from '../packages/db/src/testing/containers.ts';
import { databaseUrl } from '../packages/db/src/testing/urls.ts';
import { createLogger, createRegistry } from '../packages/telemetry/src/index.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    queries: { type: 'string', default: '300' },
  },
});
const rounds = Number(flags.rounds);
const queries = Number(flags.queries);
/** Of issue 5: at p50, of one caller. */
const GOAL_MS = 0.1;
const WAYS = ['direct', 'through PgBouncer'] as const;
type Way = (typeof WAYS)[number];

process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
await using stack = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stack.disposeAsync().finally(() => process.exit(1)));
}
const logger = createLogger({ service: 'bench', version: 'bench', level: 'warn' });
const urls = await startServers();

print(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`);
print(`${rounds} rounds of ${queries} prepared queries by primary key each way, in turns; times in ms\n`);
print(row('', 'p50', 'p95', 'per second'));
for (const width of [1, 16]) {
  const timings = await compare(width);
  const cost = timings['through PgBouncer'].p50 - timings.direct.p50;
  const slower = 1 - timings['through PgBouncer'].perSecond / timings.direct.perSecond;
  print(
    `  PgBouncer costs ${cost.toFixed(3)} ms at p50, ` +
      `${(timings['through PgBouncer'].p95 - timings.direct.p95).toFixed(3)} ms at p95, ` +
      `${(100 * slower).toFixed(0)} % of the queries a second` +
      (width === 1 ? `; goal at p50 ≤ ${GOAL_MS}: ${cost <= GOAL_MS ? 'reached' : 'NOT reached'}` : ''),
  );
}

/** Their own addresses: the engine's proxy for published ports would be measured as well. */
async function startServers(): Promise<Record<Way, string>> {
  const secrets = makeSecrets();
  const network = stack.use(await new Network().start());
  stack.defer(() => removeContainers(network.getName()));
  const options = { network: network.getName(), secrets };
  const postgres = await startPrimary(options);
  await migrate(databaseUrl(postgres, 'sv_owner', secrets.db_owner_password, 'sv'), { logger });
  const pgbouncer = await startPgbouncer({ ...options, server: postgres.internalHost, poolSize: 16 });
  const at = (server: typeof postgres, port: number) =>
    databaseUrl(
      { host: server.container.getIpAddress(network.getName()), port },
      'sv_app',
      secrets.db_app_password,
      'sv',
    );
  return { direct: at(postgres, 5432), 'through PgBouncer': at(pgbouncer, 6432) };
}

interface Timing {
  readonly p50: number;
  readonly p95: number;
  readonly perSecond: number;
}

async function compare(width: number): Promise<Record<Way, Timing>> {
  const databases = Object.fromEntries(WAYS.map((way) => [way, open(urls[way], width)])) as Record<
    Way,
    Database
  >;
  const times: Record<Way, number[]> = { direct: [], 'through PgBouncer': [] };
  const seconds: Record<Way, number> = { direct: 0, 'through PgBouncer': 0 };
  try {
    const [role] = await databases.direct.write().select({ id: roles.id }).from(roles).limit(1);
    if (role === undefined) throw new Error('the database was to be seeded');
    // The first round opens the connections, and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      for (const way of round % 2 ? WAYS : WAYS.toReversed()) {
        const taken: number[] = [];
        const start = performance.now();
        await ask(databases[way], role.id, width, taken);
        if (round === 0) continue;
        seconds[way] += (performance.now() - start) / 1000;
        times[way].push(...taken);
      }
    }
  } finally {
    await Promise.all(Object.values(databases).map((database) => database.close()));
  }
  return Object.fromEntries(
    WAYS.map((way) => {
      const sorted = times[way].toSorted((a, b) => a - b);
      const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
      const timing = { p50: at(0.5), p95: at(0.95), perSecond: sorted.length / seconds[way] };
      const name = `${way}, ${width === 1 ? 'one after another' : `${width} at once`}`;
      print(row(name, timing.p50.toFixed(3), timing.p95.toFixed(3), timing.perSecond.toFixed(0)));
      return [way, timing];
    }),
  ) as Record<Way, Timing>;
}

async function ask(database: Database, id: string, width: number, taken: number[]): Promise<void> {
  const byId = database
    .write()
    .select({ name: roles.name })
    .from(roles)
    .where(eq(roles.id, sql.placeholder('id')))
    .prepare('bench_role_by_id');
  let left = queries;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const start = performance.now();
      const rows = await byId.execute({ id });
      taken.push(performance.now() - start);
      if (rows.length !== 1) throw new Error('the row was not found');
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

function open(url: string, width: number): Database {
  return createDatabase({
    primaryUrl: url,
    poolMin: width,
    poolMax: width,
    logger,
    registry: createRegistry({ service: 'bench', version: 'bench' }),
  });
}

function row(name: string, ...figures: string[]): string {
  return [name.padEnd(38), ...figures.map((figure) => figure.padStart(10))].join(' ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
