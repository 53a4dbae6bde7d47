/**
 * What a read costs the primary, with its replica and without: CPU of the primary's container per 1,000 requests for a
 * list, asked of the API as it runs in the stack. The two ways take turns, so that both see the same machine.
 *
 *   node bench/read-scaling.ts                       # 3 rounds of 4,000 requests each way
 *   node bench/read-scaling.ts --rounds 1 --requests 1000
 *   infra/host/test.sh node bench/read-scaling.ts    # where the host has no Node
 *
 * Needs the images of `make up` and `make test`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GenericContainer, Network, Wait } from 'testcontainers';
import {
  makeSecrets,
  removeContainers,
  startPgbouncer,
  startPrimary,
  startReplica,
  type TestServer,
} from '../packages/db/src/testing/containers.ts';
import { cpuMsOf } from './cpu.ts';
import { describeMachine } from './email-servers.ts';
import { print } from './figures.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    requests: { type: 'string', default: '4000' },
  },
});
const rounds = Number(flags.rounds);
const requests = Number(flags.requests);

const VERSION = process.env['SV_VERSION'] || 'dev';
const USERS = 50_000;
const LANES = 8;
const PORTS = { http: 21010, operations: 21011 };
/** Of issue 5: half. */
const GOAL = 0.5;

process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
await using stack = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stack.disposeAsync().finally(() => process.exit(1)));
}
const secrets = makeSecrets();
const network = (await stack.use(await new Network().start())).getName();
stack.defer(() => removeContainers(network));
const primary = await startPrimary({ network, secrets, storage: 'disk' });
const replica = await startReplica({ network, secrets, primary: primary.internalHost, slot: 'replica_1' });
const [toPrimary, toReplica] = await Promise.all(
  [primary, replica].map(({ internalHost }) => startPgbouncer({ network, secrets, server: internalHost })),
);
const redisPassword = randomBytes(16).toString('hex');
const redis = await new GenericContainer(`sv-sdk/redis:${VERSION}`)
  .withNetworkMode(network)
  .withEnvironment({ REDIS_ROLE: 'cache', MAXMEMORY: '256mb', PASSWORD_FILE: '/run/secrets/password' })
  .withCopyContentToContainer([{ content: redisPassword, target: '/run/secrets/password', mode: 0o444 }])
  .withWaitStrategy(Wait.forHealthCheck())
  .start();

/** At its own address: the engine's proxy for published ports costs a third of a core. */
const addressOf = (server: TestServer | undefined) => server?.container.getIpAddress(network);
const redisUrl = `redis://${redis.getIpAddress(network)}:6379/0`;
const apiKey = `sv_${randomBytes(24).toString('hex')}`;
const environment = {
  PATH: process.env['PATH'],
  NODE_ENV: 'production',
  LOG_LEVEL: 'error',
  HTTP_LISTEN_PORT: String(PORTS.http),
  OPERATIONS_PORT: String(PORTS.operations),
  DATABASE_DIRECT_URL: `postgres://sv_owner@${addressOf(primary)}:5432/sv`,
  DB_OWNER_PASSWORD: secrets.db_owner_password,
  DATABASE_URL: `postgres://sv_app@${addressOf(toPrimary)}:6432/sv`,
  DB_PASSWORD: secrets.db_app_password,
  REDIS_URL: redisUrl,
  REDIS_PASSWORD: redisPassword,
  REDIS_QUEUE_URL: redisUrl,
  REDIS_QUEUE_PASSWORD: redisPassword,
  ENCRYPTION_KEY: randomBytes(32).toString('hex'),
  BETTER_AUTH_SECRET: randomBytes(32).toString('hex'),
  BETTER_AUTH_URL: 'http://localhost',
  SV_ADMIN_EMAIL: 'admin@example.com',
  ADMIN_PASSWORD: randomBytes(16).toString('hex'),
  LOAD_API_KEY: apiKey,
};

interface Round {
  /** CPU milliseconds of the primary's container per 1,000 requests. */
  readonly primaryMs: number;
  readonly replicaMs: number;
  readonly perSecond: number;
}

await runToEnd(['apps/cli/src/main.ts', 'db', 'migrate']);
await runToEnd(['apps/cli/src/main.ts', 'db', 'seed', '--users', String(USERS)]);
print(describeMachine());
print(`${rounds} rounds of ${requests} requests each way, ${LANES} at a time, of ${USERS} users\n`);
const results: Record<'without' | 'with', Round[]> = { without: [], with: [] };
for (let round = 0; round < rounds; round += 1) {
  for (const way of ['without', 'with'] as const) {
    const measured = await measure(way === 'with' ? `postgres://sv_app@${addressOf(toReplica)}:6432/sv` : '');
    results[way].push(measured);
    print(
      `${way.padEnd(7)} replica: primary ${measured.primaryMs.toFixed(0)} ms, replica ${measured.replicaMs.toFixed(0)} ms of CPU per 1,000 reads, ${measured.perSecond.toFixed(0)} reads/s`,
    );
  }
}
const mean = (of: readonly Round[]) => of.reduce((sum, { primaryMs }) => sum + primaryMs, 0) / of.length;
const ratio = mean(results.with) / mean(results.without);
print(
  `\nprimary CPU per read, with the replica over without: ${ratio.toFixed(2)}; goal ${GOAL}${ratio <= GOAL ? ': reached' : ': missed'}`,
);

/** Starts an app, warms it up, and asks it for pages of the list of users, each another one. */
async function measure(replicaUrl: string): Promise<Round> {
  const child = spawn(process.execPath, ['apps/api/src/main.ts'], {
    env: { ...environment, DATABASE_REPLICA_URL: replicaUrl },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await untilReady(child);
    await ask(requests / 4);
    const [primaryBefore, replicaBefore] = [await cpuMs(primary), await cpuMs(replica)];
    const startedAtMs = performance.now();
    await ask(requests);
    const seconds = (performance.now() - startedAtMs) / 1000;
    const perThousand = (after: number, before: number) => ((after - before) / requests) * 1000;
    return {
      primaryMs: perThousand(await cpuMs(primary), primaryBefore),
      replicaMs: perThousand(await cpuMs(replica), replicaBefore),
      perSecond: requests / seconds,
    };
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
}

async function ask(count: number): Promise<void> {
  let sent = 0;
  const lane = async () => {
    while (sent < count) {
      sent += 1;
      const response = await fetch(`http://127.0.0.1:${PORTS.http}/api/v1/users?page=${1 + (sent % 50)}`, {
        headers: { 'x-api-key': apiKey },
      });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`a read was answered with ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function cpuMs({ container }: TestServer): Promise<number> {
  return cpuMsOf(container.getId());
}

async function untilReady(child: ChildProcess): Promise<void> {
  for (
    const deadline = performance.now() + 60_000;
    performance.now() < deadline && child.exitCode === null;
  ) {
    const answer = await fetch(`http://127.0.0.1:${PORTS.http}/health/ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    await delay(100);
  }
  throw new Error('the app did not become ready');
}

async function runToEnd(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const [exitCode] = await once(child, 'exit');
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}`);
}
