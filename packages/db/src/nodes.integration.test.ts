/** Life of the database's nodes (infra/postgres): clone, loss of a slot, pause, fence, rejoin. Each test has its own. */
import { randomBytes } from 'node:crypto';
import { createLogger } from '@sv-sdk/telemetry';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { Registry } from 'prom-client';
import { getContainerRuntimeClient, Network, type StartedNetwork } from 'testcontainers';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createDatabase } from './database.ts';
import { REPLICA_POSITION } from './position.ts';
import {
  databaseUrl,
  makeSecrets,
  type NodeOptions,
  removeContainers,
  startNode,
  type TestSecrets,
  type TestServer,
} from './testing/index.ts';

/** Cloning, rewinding and noticing take seconds; a busy machine takes many. */
const SOON = { timeout: 90_000, interval: 200 };
/** Of the tests: they start two or three servers. */
const LONG = 180_000;
const MEBIBYTE = 1024 * 1024;
/** Of a frozen replica: what was written before is in the kernel, and is read when it thaws. In MiB. */
const MORE_THAN_A_SOCKET_HOLDS = 48;

let secrets: TestSecrets;
let network: StartedNetwork;
let prefix: string;

beforeEach(async () => {
  secrets = makeSecrets();
  network = await new Network().start();
  prefix = `node-${randomBytes(4).toString('hex')}`;
});

afterEach(async () => {
  await removeContainers(network.getName());
  await network.stop();
});

class TestNode {
  readonly name: string;
  readonly #server: TestServer;

  constructor(name: string, server: TestServer) {
    this.name = name;
    this.#server = server;
  }

  async #container() {
    const { dockerode } = (await getContainerRuntimeClient()).container;
    return dockerode.getContainer(this.#server.container.getId());
  }

  /** As sv_app; until the node is started again. */
  url = () => databaseUrl(this.#server, 'sv_app', secrets.db_app_password, 'sv');

  /** Rows of a query as the superuser, over the node's own socket: its port changes when it is started again. */
  async sql(query: string): Promise<string> {
    return await this.run(
      ['psql', '-h', '/tmp', '-U', 'postgres', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-c', query],
      { PGPASSWORD: secrets.postgres_password },
    );
  }

  async run(command: string[], environment: Record<string, string> = {}): Promise<string> {
    const { exitCode, output } = await this.#server.container.exec(command, { env: environment });
    if (exitCode !== 0)
      throw new Error(`${this.name}: ${command.join(' ')} ended with ${exitCode}: ${output}`);
    return output.trim();
  }

  status = () => this.run(['status.sh']);
  /** What the node has said about itself. */
  async said(): Promise<string> {
    const log = await (await this.#container()).logs({ stdout: true, stderr: true });
    return log
      .toString()
      .split('\n')
      .filter((line) => line.includes(`Z ${this.name}: `))
      .join('\n');
  }

  health = async () => (await (await this.#container()).inspect()).State.Health?.Status;
  pause = async () => await (await this.#container()).pause();
  unpause = async () => await (await this.#container()).unpause();
  kill = async () => await (await this.#container()).kill();
  start = async () => await (await this.#container()).start();
  stop = async () => await (await this.#container()).stop({ t: 30 });
  isRunning = async () => (await (await this.#container()).inspect()).State.Running;
}

async function nodes<Letters extends string>(
  letters: readonly Letters[],
  options: Partial<NodeOptions> = {},
): Promise<Record<Letters, TestNode>> {
  const names = letters.map((letter) => `${prefix}-${letter}`);
  const started: Partial<Record<Letters, TestNode>> = {};
  for (const [index, letter] of letters.entries()) {
    const name = names[index] as string;
    const server = await startNode({
      network: network.getName(),
      secrets,
      name,
      nodes: names,
      role: index === 0 ? 'primary' : 'replica',
      ...options,
    });
    started[letter] = new TestNode(name, server);
  }
  return started as Record<Letters, TestNode>;
}

const untilStreaming = (node: TestNode) =>
  expect.poll(() => node.status().catch(String), SOON).toMatch(/^standby .* streaming$/);

const untilSaid = (node: TestNode, words: string | RegExp) =>
  expect.poll(() => node.said(), SOON).toMatch(words);

/** The standby has replayed all that the primary has written. */
async function untilCaughtUp(primary: TestNode, standby: TestNode): Promise<void> {
  const written = await primary.sql('select pg_current_wal_lsn()');
  await expect
    .poll(() => standby.sql(`select pg_last_wal_replay_lsn() >= '${written}'`).catch(String), SOON)
    .toBe('t');
}

/** WAL of so many MiB, and no row. */
async function writeWal(node: TestNode, mebibytes: number): Promise<void> {
  await node.sql(
    `select count(pg_logical_emit_message(false, 'test', repeat('x', 1024 * 1024))) from generate_series(1, ${mebibytes})`,
  );
  await node.sql('checkpoint');
}

/** As `make failover` does it after a crash of `old`. */
async function failOver(old: TestNode, promoted: TestNode): Promise<void> {
  await old.kill();
  await promoted.run(['promote.sh']);
}

const smallSlot = {
  environment: { MAX_SLOT_WAL_KEEP_SIZE: '32MB' },
  settings: ['max_wal_size=64MB', 'min_wal_size=32MB', 'wal_keep_size=0'],
};

test('a replica that loses its slot while it runs copies itself anew; a dead one fills no disk', {
  timeout: LONG,
}, async () => {
  const { a, b } = await nodes(['a', 'b'], smallSlot);
  await untilStreaming(b);
  await b.pause();
  await writeWal(a, 300);
  await expect
    .poll(() => a.sql("select wal_status from pg_replication_slots where slot_name = 'replica_1'"), SOON)
    .toBe('lost');
  const [kept = 0] = (await a.sql('select sum(size) from pg_ls_waldir()')).split('\n').map(Number);
  // A segment or two are being written.
  expect(kept).toBeLessThanOrEqual((32 + 64 + 32) * MEBIBYTE);

  await a.sql('create table since as select 42 as answer');
  await b.unpause();
  await untilSaid(b, 'the slot replica_1 is lost');
  await untilStreaming(b);
  await untilCaughtUp(a, b);
  expect(await b.sql('select answer from since')).toBe('42');

  // And so it does when it was stopped meanwhile.
  await b.stop();
  await writeWal(a, 300);
  await b.start();
  await expect.poll(async () => (await b.said()).match(/: cloned$/gm)?.length, SOON).toBe(3);
  await untilStreaming(b);
});

test('a replica that was frozen or stopped for a while goes on where it was', { timeout: LONG }, async () => {
  const { a, b } = await nodes(['a', 'b']);
  await untilStreaming(b);
  await b.pause();
  await a.sql('create table meanwhile (n int); insert into meanwhile values (1)');
  await b.unpause();
  await untilCaughtUp(a, b);
  await b.stop();
  await a.sql('insert into meanwhile values (2)');
  await b.start();
  await untilStreaming(b);
  await untilCaughtUp(a, b);
  expect(await b.sql('select count(*) from meanwhile')).toBe('2');
  expect((await b.said()).match(/: cloned$/gm)).toHaveLength(1);
});

test('an interrupted clone is begun anew, and its remains are never taken for data', {
  timeout: LONG,
}, async () => {
  const names = ['a', 'b'].map((letter) => `${prefix}-${letter}`);
  const base = { network: network.getName(), secrets, nodes: names };
  const a = new TestNode(
    names[0] as string,
    await startNode({ ...base, name: names[0] as string, role: 'primary' }),
  );
  await a.sql(
    'create table much as select repeat(md5(n::text), 30) as text from generate_series(1, 100000) as n',
  );
  const b = new TestNode(
    names[1] as string,
    await startNode({
      ...base,
      name: names[1] as string,
      role: 'replica',
      untilLogged: /cloning the primary/,
    }),
  );
  await b.kill();
  await b.start();
  await untilStreaming(b);
  expect((await b.said()).match(/: cloned$/gm)).toHaveLength(1);

  // Between the two renamings: half of the new copy, half of the old one.
  await b.run([
    'sh',
    '-c',
    'touch $PGDATA/../../marks/clone && mkdir $PGDATA.new && cp $PGDATA/PG_VERSION $PGDATA.new && rm -rf $PGDATA/base',
  ]);
  await b.kill();
  await b.start();
  await expect.poll(async () => (await b.said()).match(/: cloned$/gm)?.length, SOON).toBe(2);
  await untilStreaming(b);
  expect(await b.sql('select count(*) from much')).toBe('100000');
});

test('an old primary that comes back fences itself: healthy, idle, and no second primary', {
  timeout: LONG,
}, async () => {
  const { a, b } = await nodes(['a', 'b']);
  await untilStreaming(b);
  await failOver(a, b);
  await b.sql('create table on_b as select 1');
  await a.start();
  await untilSaid(a, `${b.name} was promoted meanwhile`);
  expect(await a.status()).toMatch(/^fenced - - /);
  await expect.poll(() => a.health(), SOON).toBe('healthy');
  await expect(a.sql('select 1')).rejects.toThrow();
  // Nor after another start.
  await a.kill();
  await a.start();
  await expect
    .poll(async () => (await a.said()).match(/fenced, the server is not started/g)?.length, SOON)
    .toBe(2);

  await a.run(['unfence.sh', 'rejoin']);
  await untilStreaming(a);
  await untilCaughtUp(b, a);
  expect(await a.sql('select count(*) from on_b')).toBe('1');
});

test('an old primary that was looking at the new one while it was fenced rejoins, and is not fenced again', {
  timeout: LONG,
}, async () => {
  const { a, b } = await nodes(['a', 'b']);
  await untilStreaming(b);
  await b.run(['promote.sh']);
  await b.pause();
  await a.run(['sh', '-c', `echo ${b.name} >/topology/primary`]);
  const look = ['sh', '-c', "grep -la '[p]g_is_in_recovery' /proc/[0-9]*/cmdline"];
  await expect.poll(() => a.run(look).catch(String), { ...SOON, interval: 50 }).toMatch(/^.proc/);
  await a.run(['fence.sh', 'failed over']);
  await a.run(['unfence.sh', 'rejoin']);
  await b.unpause();
  await untilStreaming(a);
  expect(await a.said()).not.toContain('fenced');
});

test('rejoin throws away what only the old primary had, and counts it before; by pg_rewind', {
  timeout: LONG,
}, async () => {
  const { a, b } = await nodes(['a', 'b']);
  await a.sql('create table rows (n int primary key); insert into rows values (1)');
  await untilStreaming(b);
  await untilCaughtUp(a, b);
  await b.pause();
  await writeWal(a, MORE_THAN_A_SOCKET_HOLDS);
  for (const n of [2, 3, 4]) await a.sql(`insert into rows values (${n})`);
  await a.kill();
  await b.unpause();
  await b.run(['promote.sh']);
  await b.sql('insert into rows values (5)');
  await a.start();
  await untilSaid(a, 'was promoted meanwhile');
  expect(await a.run(['unsent.sh', 'fork'])).toMatch(/^3 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
  await b.run(['checkpoint.sh']);
  await a.run(['unfence.sh', 'rejoin']);
  await untilStreaming(a);
  await untilCaughtUp(b, a);
  expect(await a.sql('select n from rows order by n')).toBe('1\n5');
  expect(await a.said()).toContain('rewound');
  expect(await a.said()).not.toContain('cloned');
});

test('after an interrupted pg_rewind it is a new copy, and it says so', { timeout: LONG }, async () => {
  const { a, b } = await nodes(['a', 'b']);
  await untilStreaming(b);
  await failOver(a, b);
  await a.start();
  await untilSaid(a, 'was promoted meanwhile');
  // As left by a kill in the middle of it.
  await a.run(['sh', '-c', 'touch $PGDATA/../../marks/rewinding && rm -rf $PGDATA/base/1']);
  await a.run(['unfence.sh', 'rejoin']);
  await untilStreaming(a);
  expect(await a.said()).toMatch(/an interrupted pg_rewind[\s\S]*cloned/);
});

test('with two standbys, the other one follows; if it has more than the new primary, it goes that way too', {
  timeout: LONG,
}, async () => {
  const { a, b, c } = await nodes(['a', 'b', 'c']);
  await a.sql('create table rows (n int primary key)');
  await untilStreaming(b);
  await untilStreaming(c);
  await untilCaughtUp(a, b);
  await b.pause();
  await writeWal(a, MORE_THAN_A_SOCKET_HOLDS);
  await a.sql('insert into rows values (1)');
  await untilCaughtUp(a, c);
  await a.kill();
  await b.unpause();
  await b.run(['promote.sh']);
  await b.sql('insert into rows values (2)');
  await untilSaid(c, 'the primary went another way before');
  await untilStreaming(c);
  await untilCaughtUp(b, c);
  expect(await c.sql('select n from rows')).toBe('2');
});

test('after a failover a write that the other instances cannot be told of is answered, also while a standby that has it says the timeline before', {
  timeout: LONG,
}, async () => {
  const { a, b, c } = await nodes(['a', 'b', 'c']);
  await untilStreaming(b);
  await untilStreaming(c);
  await untilCaughtUp(a, b);
  await failOver(a, b);
  await b.sql('create table rows (n int)');
  await untilCaughtUp(b, c);
  const isAway = () => Promise.reject(new Error('the cache is away'));
  const registry = new Registry();
  const db = createDatabase({
    primaryUrl: b.url(),
    replicaUrls: [c.url()],
    poolMin: 0,
    poolMax: 2,
    logger: createLogger({ service: 'test', version: 'test', level: 'silent' }),
    registry,
    recentWrites: { remember: isAway, lastPosition: isAway },
    replicaMaxLagSeconds: 2,
  });
  onTestFinished(() => db.close());
  const usable = async () =>
    (await registry.getSingleMetric('sv_db_replica_usable')?.get())?.values.map(({ value }) => value);
  await expect.poll(usable, SOON).toEqual([1]);
  for (let write = 0; write < 3; write += 1) {
    // Commits something, which has a place in the log.
    await db.withTx((tx) => tx.execute(sql`select pg_current_xact_id()`), { principalId: 'ada' });
  }
  expect(await c.sql(`select left(${REPLICA_POSITION}, 8)`)).toBe('00000001');
  expect(await usable()).toEqual([1]);
});

test('data of another cluster are not replaced', { timeout: LONG }, async () => {
  const { a, b } = await nodes(['a', 'b']);
  await a.sql('create table mine as select 1');
  await untilStreaming(b);
  await untilCaughtUp(a, b);
  await removeNode(a);
  // The primary's volume was lost, and a new one took its place.
  await startNode({
    network: network.getName(),
    secrets,
    name: a.name,
    nodes: [a.name, b.name],
    role: 'primary',
  });
  await b.run(['sh', '-c', 'touch $PGDATA/../../marks/clone']);
  await untilSaid(b, 'another database cluster');
  await b.run(['sh', '-c', 'rm $PGDATA/../../marks/clone']);
  await b.run(['unfence.sh']);
  await expect.poll(() => b.sql('select count(*) from mine').catch(String), SOON).toBe('1');
});

async function removeNode(node: TestNode): Promise<void> {
  const { dockerode } = (await getContainerRuntimeClient()).container;
  await dockerode.getContainer(node.name).remove({ force: true, v: true });
}

test('slow queries are logged without their parameters, and pg_stat_statements counts', {
  timeout: LONG,
}, async () => {
  const name = `${prefix}-a`;
  const server = await startNode({
    network: network.getName(),
    secrets,
    name,
    nodes: [name],
    role: 'primary',
  });
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: 'sv_owner',
    password: secrets.db_owner_password,
    database: 'sv',
  });
  await client.connect();
  try {
    await client.query('select pg_sleep(0.6), $1::text as secret_of_somebody', ['4111-1111']);
  } finally {
    await client.end();
  }
  const log = async () => {
    const { dockerode } = (await getContainerRuntimeClient()).container;
    return (await dockerode.getContainer(name).logs({ stdout: true, stderr: true })).toString();
  };
  await expect.poll(log, SOON).toMatch(/duration: \d+\.\d+ ms .*secret_of_somebody/);
  expect(await log()).not.toContain('4111-1111');
  const node = new TestNode(name, server);
  expect(
    await node.sql("select sum(calls) from pg_stat_statements where query like '%secret_of_somebody%'"),
  ).toBe('1');
});
