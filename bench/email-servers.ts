/**
 * What the email benchmarks share: the servers (the stack's own images, reached at their own addresses, as the engine's
 * proxy for published ports costs a third of a core), worker processes as they run in the stack, and emails to send.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { GenericContainer, Network, Wait } from 'testcontainers';
import { createDatabase, type Database } from '../packages/db/src/index.ts';
import {
  makeSecrets,
  removeContainers,
  startPgbouncer,
  startPrimary,
} from '../packages/db/src/testing/containers.ts';
import { databaseUrl } from '../packages/db/src/testing/urls.ts';
import { type EmailInput, enqueueEmails } from '../packages/email/src/index.ts';
import { createLogger, createRegistry } from '../packages/telemetry/src/index.ts';
import { cpuMsOf } from './cpu.ts';

const VERSION = process.env['SV_VERSION'] || 'dev';
const SMTP_PORT = 2525;
const START_LIMIT_MS = 60_000;
const DOMAIN = 'example.org';
/** What Node makes of the stack's limit for a worker (320 MB); here it would see the whole machine's memory. */
const MAX_HEAP_MB = 259;
/** As docker-compose.yml has it (ADR 0056). */
export const HALF_SPACE_MB = 16;

/** Node's, of a worker in its container; 0: half-spaces as V8 chooses. */
export const memoryOptions = (halfSpaceMb: number): string[] => [
  `--max-heap-size=${MAX_HEAP_MB}`,
  ...(halfSpaceMb > 0 ? [`--max-semi-space-size=${halfSpaceMb}`] : []),
];

export interface EmailServers {
  /** As the platform's processes have it: sv_app through PgBouncer. */
  readonly db: Database;
  readonly queueUrl: string;
  readonly smtpUrl: string;
  /** Empties the queue's Redis. */
  wipeQueue(): Promise<void>;
  /** What the queue's Redis holds. */
  queueMemoryBytes(): Promise<number>;
  /** A query as the superuser; columns by `|`, a line a row. */
  sql(query: string): Promise<string[]>;
  /** CPU seconds that each server has used until now. */
  cpuSeconds(): Promise<Record<string, number>>;
  /** A worker process of the platform, which takes emails once this resolves. If it ends by itself, so does the run. */
  startWorker(settings: { EMAIL_CONCURRENCY: string }, halfSpaceMb?: number): Promise<Worker>;
}

export interface Worker {
  /** The sum of a metric's series at its /metrics. */
  metric(name: string): Promise<number>;
  /** As `docker stop` does it. */
  stop(): Promise<void>;
}

/** Postgres on disk behind PgBouncer, both Redis and Postfix' smtp-sink, migrated and seeded; `stack` ends them. */
export async function startEmailServers(stack: AsyncDisposableStack): Promise<EmailServers> {
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stack.disposeAsync().finally(() => process.exit(1)));
  }
  process.once('uncaughtException', (error) => {
    process.stderr.write(`${inspect(error)}\n`);
    void stack.disposeAsync().finally(() => process.exit(1));
  });
  const secrets = makeSecrets();
  const redisPassword = randomBytes(16).toString('hex');
  const network = (await stack.use(await new Network().start())).getName();
  stack.defer(() => removeContainers(network));
  const postgres = await startPrimary({ network, secrets, storage: 'disk' });
  const [pgbouncer, queue, cache, sink] = await Promise.all([
    startPgbouncer({ network, secrets, server: postgres.internalHost }),
    startRedis('queue', network, redisPassword),
    startRedis('cache', network, redisPassword),
    startSmtpSink(network),
  ]);
  const direct = { host: postgres.container.getIpAddress(network), port: 5432 };
  const pooled = { host: pgbouncer.container.getIpAddress(network), port: 6432 };
  const containers = { postgres: postgres.container, pgbouncer: pgbouncer.container, redis: queue, sink };

  const environment = {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    LOG_LEVEL: 'error',
    DATABASE_DIRECT_URL: `postgres://sv_owner@${direct.host}:${direct.port}/sv`,
    DB_OWNER_PASSWORD: secrets.db_owner_password,
    DATABASE_URL: `postgres://sv_app@${pooled.host}:${pooled.port}/sv`,
    DB_PASSWORD: secrets.db_app_password,
    REDIS_URL: `redis://${cache.getIpAddress(network)}:6379/0`,
    REDIS_PASSWORD: redisPassword,
    REDIS_QUEUE_URL: `redis://${queue.getIpAddress(network)}:6379/0`,
    REDIS_QUEUE_PASSWORD: redisPassword,
    SMTP_URL: `smtp://${sink.getIpAddress(network)}:${SMTP_PORT}`,
    EMAIL_PROVIDER: 'smtp',
    EMAIL_FROM: 'SV-SDK <noreply@sv.example>',
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    BETTER_AUTH_SECRET: randomBytes(32).toString('hex'),
    BETTER_AUTH_URL: 'http://localhost',
    SV_ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: randomBytes(16).toString('hex'),
    LOAD_API_KEY: `sv_${randomBytes(24).toString('hex')}`,
  };
  await runToEnd(['apps/cli/src/main.ts', 'db', 'migrate'], environment);
  const db = createDatabase({
    primaryUrl: databaseUrl(pooled, 'sv_app', secrets.db_app_password, 'sv'),
    poolMin: 2,
    poolMax: 10,
    logger: createLogger({ service: 'bench', version: 'bench', level: 'error' }),
    registry: createRegistry({ service: 'bench', version: 'bench' }),
  });
  stack.defer(() => db.close());

  const redisCli = async (...command: string[]) => {
    const { exitCode, output } = await queue.exec(['redis-cli', ...command], {
      env: { REDISCLI_AUTH: redisPassword },
    });
    if (exitCode !== 0) throw new Error(output);
    return output;
  };

  return {
    db,
    queueUrl: `redis://:${redisPassword}@${queue.getIpAddress(network)}:6379/0`,
    smtpUrl: environment.SMTP_URL,
    async wipeQueue() {
      await redisCli('flushall');
    },
    async queueMemoryBytes() {
      const bytes = /^used_memory:(\d+)/m.exec(await redisCli('info', 'memory'))?.[1];
      if (bytes === undefined) throw new Error('Redis does not tell its memory');
      return Number(bytes);
    },
    async sql(query) {
      const { exitCode, output } = await postgres.container.exec(
        [
          'psql',
          '-h',
          '127.0.0.1',
          '-U',
          'postgres',
          '-d',
          'sv',
          '-XAtq',
          '-v',
          'ON_ERROR_STOP=1',
          '-c',
          query,
        ],
        {
          env: {
            PGPASSWORD: secrets.postgres_password,
            // The server ends a transaction that takes so long; a million rows do.
            PGOPTIONS: '-c transaction_timeout=0 -c statement_timeout=0',
          },
        },
      );
      if (exitCode !== 0) throw new Error(output);
      return output.split('\n').filter((line) => line !== '');
    },
    async cpuSeconds() {
      const used = await Promise.all(
        Object.entries(containers).map(async ([name, container]): Promise<[string, number]> => {
          return [name, (await cpuMsOf(container.getId())) / 1000];
        }),
      );
      return Object.fromEntries(used);
    },
    async startWorker(settings, halfSpaceMb = HALF_SPACE_MB) {
      const port = await freePort();
      const child = spawn(process.execPath, [...memoryOptions(halfSpaceMb), 'apps/worker/src/main.ts'], {
        env: { ...environment, ...settings, OPERATIONS_PORT: String(port) },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const crashed = (exitCode: number | null, signal: string | null) => {
        throw new Error(`a worker ended with ${exitCode ?? signal}`);
      };
      child.once('exit', crashed);
      const stop = async () => {
        child.off('exit', crashed);
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGTERM');
        await once(child, 'exit');
      };
      stack.defer(stop);
      const url = `http://127.0.0.1:${port}`;
      await untilReady(`${url}/health/ready`, child);
      return {
        async metric(name) {
          const text = await (await fetch(`${url}/metrics`)).text();
          const series = text
            .split('\n')
            .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
          if (series.length === 0) throw new Error(`the worker has no metric ${name}`);
          return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
        },
        stop,
      };
    },
  };
}

/** {@link acceptEmails}' rows, a million in half a minute: copies of one accepted email, in the database itself. */
export async function fillOutbox(servers: EmailServers, count: number): Promise<void> {
  const [model] = await servers.db.withTx((tx) => enqueueEmails(tx, [emailTo('model')]));
  if (model === undefined) throw new Error('no email was accepted');
  await servers.sql(`
    create temporary table fresh on commit drop as
      select uuidv7()::text as id, i from generate_series(1, ${count}) as i;
    insert into email.email_sends (id, recipient, template, locale, template_id, kind, variables, priority)
      select fresh.id, 'person-' || i || '@${DOMAIN}', template, locale, template_id, kind, variables, priority
      from fresh, email.email_sends as model where model.id = '${model.id}';
    insert into email.email_outbox (email_send_id, priority, due_at)
      select fresh.id, priority, now() from fresh, email.email_sends as model where model.id = '${model.id}'`);
  await servers.sql('vacuum (analyze, parallel 0) email.email_sends, email.email_outbox');
}

/** The same email each time but for its recipient. */
export const emailTo = (name: string | number): EmailInput => ({
  to: `person-${name}@${DOMAIN}`,
  template: 'notification',
  variables: {
    name: 'Ada Lovelace',
    title: 'Your report is ready',
    message: 'The figures of last month are in. There is nothing that you need to do about them.',
  },
});

/** Takes in `count` emails as `POST /api/v1/emails` does with a full batch: 1,000 a transaction. */
export async function acceptEmails(db: Database, count: number): Promise<void> {
  const BATCH = 1000;
  for (let start = 0; start < count; start += BATCH) {
    const size = Math.min(BATCH, count - start);
    await db.withTx((tx) =>
      enqueueEmails(
        tx,
        Array.from({ length: size }, (_, index) => emailTo(start + index)),
      ),
    );
  }
}

export const describeMachine = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown processor'}), Node ${process.version}`;

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const startRedis = (role: 'queue' | 'cache', network: string, password: string) =>
  new GenericContainer(`sv-sdk/redis:${VERSION}`)
    .withNetworkMode(network)
    .withEnvironment({ REDIS_ROLE: role, MAXMEMORY: '256mb', PASSWORD_FILE: '/run/secrets/password' })
    .withCopyContentToContainer([{ content: password, target: '/run/secrets/password', mode: 0o444 }])
    .withWaitStrategy(Wait.forHealthCheck())
    .start();

/** Of Postfix: takes every message and keeps none, in C, so that little of the machine goes to it. */
const startSmtpSink = (network: string) =>
  new GenericContainer(`sv-sdk/test:${VERSION}`)
    .withNetworkMode(network)
    .withCommand(['smtp-sink', '-u', 'postfix', '-m', '2000', `0.0.0.0:${SMTP_PORT}`, '1024'])
    .withExposedPorts(SMTP_PORT)
    .start();

async function runToEnd(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const [exitCode] = await once(child, 'exit');
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}`);
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    await delay(100);
  }
  throw new Error('the worker did not become ready');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server was bound to no port');
  return address.port;
}
