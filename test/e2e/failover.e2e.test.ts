import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, clientOf, eventually, signIn } from './client.ts';
import { untilHealthy } from './containers.ts';
import { failOver, type Node, otherThan, primaryNode, rejoin } from './failover.ts';
import { interruptAt } from './interrupt.ts';
import { dropRows, startWriter } from './numbered-rows.ts';
import { containersOf, environment, onPrimary, shell, shellOrThrow, sql, startStack } from './stack.ts';

beforeAll(startStack);

// The other files know `postgres` as the primary, and a stack without synchronous replication.
afterAll(async () => {
  delete environment['SYNC_REPLICATION'];
  await shellOrThrow('make up');
  // A test that failed may have left one fenced.
  await rejoin({ force: true });
  if ((await primaryNode()) !== 'postgres') {
    await failOver();
    await rejoin();
  }
  await dropRows();
  await untilHealthy();
});

async function setSynchronous(): Promise<void> {
  environment['SYNC_REPLICATION'] = 'on';
  await shellOrThrow('make up');
  await untilSynchronous();
}

/** A promotion switches it off, and the primary on again once a standby streams. */
async function untilSynchronous(): Promise<void> {
  const standbys = () =>
    onPrimary("select application_name from pg_stat_replication where sync_state = 'quorum'");
  await eventually(standbys, (names) => names.length === 1, { seconds: 60, what: 'a synchronous standby' });
}

/** Requests that write, one after another, until told to stop; what was answered other than as usual. */
function startRequests() {
  let isStopping = false;
  let requests = 0;
  const unusual: string[] = [];
  const running = (async () => {
    while (!isStopping) {
      requests += 1;
      // 401 is this route's answer to a stranger, from Postgres; its audit row is a write.
      const answer = await call('POST', '/api/v1/auth/login', {
        body: { email: `${randomUUID()}@example.org`, password: 'wrong-wrong-wrong' },
      }).catch((error: unknown) => ({ status: 0, body: String(error) }));
      if (answer.status !== 401) unusual.push(`${answer.status} ${JSON.stringify(answer.body)}`);
    }
  })();
  return {
    async stop() {
      isStopping = true;
      await running;
      return { requests, unusual };
    },
  };
}

const containerOf = async (node: Node): Promise<string> => {
  const { stdout } = await shellOrThrow(`docker compose ps --all --quiet ${node}`);
  return stdout.trim();
};

describe('a planned failover', () => {
  let old: Node;

  test('loses no write and fails no request; clients wait', async () => {
    old = await primaryNode();
    const [writer, requests] = [await startWriter(), startRequests()];
    const output = await failOver();
    expect(output).toContain('nothing: no transaction');
    const report = await writer.stop();
    const { requests: sent, unusual } = await requests.stop();
    console.info(
      `planned failover: ${report.acknowledged} rows acknowledged, ${report.missing} missing, write gap ${(report.gapMs / 1000).toFixed(1)} s (goal: ≤ 5 s); ${sent} requests, ${unusual.length} failed; writers were told ${JSON.stringify(report.failures)}`,
    );
    expect(report.missing).toBe(0);
    expect(report.failures).toEqual({});
    expect(unusual).toEqual([]);
    expect(await primaryNode()).toBe(otherThan(old));
  });

  test('is refused when it has happened already', async () => {
    const { exitCode, output } = await shell('make failover');
    expect(exitCode).not.toBe(0);
    expect(output).toContain(`already failed over. ${otherThan(old)} is the primary`);
    expect(output).toContain('make rejoin');
  });

  test('leaves the old primary fenced: `make up` is content with it and says what to do, a restart changes nothing', async () => {
    await shellOrThrow(`docker restart ${await containerOf(old)}`);
    const { output } = await shellOrThrow('make up');
    expect(output).toContain(`${old} is fenced since a failover`);
    expect(output).toContain('make rejoin');
    expect((await shellOrThrow(`docker compose exec -T ${old} status.sh`)).stdout).toMatch(/^fenced /);
  });

  test('make rejoin brings it back as a standby, by pg_rewind, and says so when there is nothing to do', async () => {
    expect(await rejoin()).toContain(`${old} streams from ${otherThan(old)}`);
    expect(await sql(old, 'select pg_is_in_recovery()')).toEqual(['t']);
    expect((await shellOrThrow('make rejoin')).output).toContain('Nothing to do');
  });

  test('survives `make down` and `make up`: the same primary, every row, reads from the standby', async () => {
    const users = await onPrimary('select id from auth.users order by id');
    await shellOrThrow('make down');
    await shellOrThrow('make up');
    expect(await primaryNode()).toBe(otherThan(old));
    expect(await onPrimary('select id from auth.users order by id')).toEqual(users);
    await eventually(
      () => sql(old, 'select count(*) from pg_stat_wal_receiver'),
      ([count]) => count === '1',
      { seconds: 60, what: 'the standby streams' },
    );
    await clientOf({ token: await signIn() }).get('/api/v1/users');
    // The one-shot `migrate` and the command line find the primary among the two.
    expect((await shellOrThrow('make sdk ARGS="db status"')).output).toContain('Postgres 18');
  });
});

test.for([
  ['holds writes back', /^\d\. Hold/],
  ['stops the old primary', /^\d\. Stop/],
  ['looks for what would be lost', /^\d\. See what/],
  ['promotes', /^\d\. Promote/],
  ['is nearly done', /^\d\. Leave/],
] as const)('a failover that is killed when it %s is ended by the next one', async ([, stepName]) => {
  const old = await primaryNode();
  await interruptAt('failover', stepName);
  const { output } = await shell('make failover');
  expect(output).toMatch(/Failed over|It was|already failed over/);
  expect(await primaryNode()).toBe(otherThan(old));
  // PgBouncer points at it, and holds nothing back.
  const writer = await startWriter();
  expect((await writer.stop()).failures).toEqual({});
  if (stepName.test('8. Leave')) await interruptAt('rejoin', /^\d\. Make/);
  await rejoin();
});

test('with a standby far behind a primary that answers it is refused, and nothing is changed', async () => {
  const primary = await primaryNode();
  const standby = otherThan(primary);
  const [receiver] = await sql(
    standby,
    "select pid from pg_stat_activity where backend_type = 'walreceiver'",
  );
  await shellOrThrow(`docker compose exec -T ${standby} kill -STOP ${receiver}`);
  try {
    await sql(
      primary,
      "select count(pg_logical_emit_message(false, 'test', repeat('x', 1024 * 1024))) from generate_series(1, 48)",
    );
    const { exitCode, output } = await shell('make failover');
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/Refused: .* MB behind .*MAX_LAG_MB=16 are allowed. Nothing was changed/);
    expect(await primaryNode()).toBe(primary);
  } finally {
    await shellOrThrow(`docker compose exec -T ${standby} kill -CONT ${receiver}`);
  }
});

test('two primaries are refused; with FORCE=1 the later one is kept, and what the other one has is counted', async () => {
  const first = await primaryNode();
  const second = otherThan(first);
  // Where the nodes share a volume, the one that is not named there gives way by itself.
  await shellOrThrow(`docker compose exec -T ${first} rm /topology/primary`);
  await shellOrThrow(`docker compose exec -T --env TOPOLOGY_PATH=/none ${second} promote.sh`);
  await sql(first, 'delete from public.numbered_rows; insert into public.numbered_rows values (2)');
  const refused = await shell('make failover');
  expect(refused.exitCode).not.toBe(0);
  expect(refused.output).toContain('there are two primaries');
  expect((await shell('make rejoin')).output).toContain('Refused: there are two primaries');
  expect(await failOver({ force: true })).toMatch(
    new RegExp(`[1-9] transactions that were committed on ${first}`),
  );
  expect(await primaryNode()).toBe(second);
  await rejoin({ force: true });
});

test('a standby that was promoted by hand is the primary; the old one gives way, and PgBouncer follows, by themselves', async () => {
  const old = await primaryNode();
  await shellOrThrow(`docker compose exec -T ${otherThan(old)} promote.sh`);
  await eventually(
    () => shell(`docker compose exec -T ${old} status.sh`),
    ({ stdout }) => stdout.startsWith('fenced'),
    { seconds: 60, what: 'the old primary fences itself' },
  );
  const login = () =>
    call('POST', '/api/v1/auth/login', { body: { email: 'nobody@example.org', password: 'wrong-wrong' } });
  await eventually(login, ({ status }) => status === 401, { seconds: 30, what: 'writes at the new primary' });
  expect((await shell('make failover')).output).toContain('already failed over');
  await rejoin({ force: true });
});

describe('after a crash of the primary', () => {
  test('what the standby lacks is counted, and lost only with FORCE=1; so it is at make rejoin', async () => {
    const old = await primaryNode();
    const standby = await containerOf(otherThan(old));
    await onPrimary('create table if not exists public.numbered_rows (number integer primary key)');
    await shellOrThrow(`docker pause ${standby}`);
    // More than the connection to the frozen standby holds by itself.
    await sql(
      old,
      "select count(pg_logical_emit_message(false, 'test', repeat('x', 1024 * 1024))) from generate_series(1, 48)",
    );
    await sql(old, 'delete from public.numbered_rows; insert into public.numbered_rows values (1)');
    // Killed while it can't hand anything over.
    await shellOrThrow(`docker kill ${await containerOf(old)}; docker unpause ${standby}`);
    const refused = await shell('make failover');
    expect(refused.exitCode, refused.output).not.toBe(0);
    expect(refused.output).toMatch(
      new RegExp(`[1-9]\\d* transactions that were committed on ${old}, the last at`),
    );
    expect(refused.output).toContain('Refused');
    expect(await failOver({ force: true })).toContain('going on nevertheless');
    expect((await shell('make rejoin')).output).toContain(`Refused: ${old} would throw that away`);
    expect(await rejoin({ force: true })).toContain('rewound');
  });

  test('SYNC_REPLICATION=on: no acknowledged row is missing, without FORCE', async () => {
    await setSynchronous();
    for (let round = 1; round <= 2; round += 1) {
      const old = await primaryNode();
      const writer = await startWriter();
      await shellOrThrow(`docker kill ${await containerOf(old)}`);
      await failOver();
      const report = await writer.stop();
      console.info(
        `crash, SYNC_REPLICATION=on, round ${round}: ${report.acknowledged} rows acknowledged, ${report.missing} missing, write gap ${(report.gapMs / 1000).toFixed(1)} s (goal: ≤ 5 s)`,
      );
      expect(report.missing).toBe(0);
      await rejoin();
      await untilSynchronous();
    }
  });

  test('SYNC_REPLICATION=on: with the standby away writes wait, and go on once a person turns it off', async () => {
    await setSynchronous();
    const [standby] = await containersOf(otherThan(await primaryNode()));
    await shellOrThrow(`docker stop --time 20 ${standby}`);
    try {
      const write = onPrimary('insert into public.numbered_rows values (-1)');
      await eventually(
        () => onPrimary("select count(*) from pg_stat_activity where wait_event = 'SyncRep'"),
        ([count]) => Number(count) > 0,
        { seconds: 30, what: 'a write that waits for the standby' },
      );
      await onPrimary("alter system set synchronous_standby_names = ''");
      await onPrimary('select pg_reload_conf()');
      await write;
    } finally {
      await shellOrThrow(`docker start ${standby}`);
      await onPrimary('alter system reset synchronous_standby_names');
      await onPrimary('select pg_reload_conf()');
    }
    await untilHealthy();
  });
});

test('with no standby to promote it is refused, and the primary goes on', async () => {
  const primary = await primaryNode();
  const standby = await containerOf(otherThan(primary));
  await shellOrThrow(`docker stop --time 20 ${standby}`);
  try {
    const { exitCode, output } = await shell('make failover FORCE=1');
    expect(exitCode).not.toBe(0);
    expect(output).toContain('Refused: no standby answers');
    expect(await primaryNode()).toBe(primary);
  } finally {
    await shellOrThrow(`docker start ${standby}`);
  }
  await untilHealthy();
});
