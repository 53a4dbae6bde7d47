import { deriveChainKeys, sealBatch, verifyAudit } from '@sv-sdk/audit';
import { createDatabase } from '@sv-sdk/db';
import { createLogger, createRegistry } from '@sv-sdk/telemetry';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ADMIN_EMAIL, startTestSdk, type TestSdk } from '../testing/sdk.ts';

const seed = (sdk: TestSdk, ...args: string[]) => sdk.json(['db', 'seed', ...args]);
const counts = async (sdk: TestSdk) =>
  (
    await sdk.query(
      `select (select count(*)::int from auth.users) as users,
              (select count(*)::int from permissions.user_roles) as grants,
              (select count(*)::int from audit.audit_logs where event_type <> 'platform.seeded') as audit,
              (select count(*)::int from audit.audit_logs where event_type = 'platform.seeded') as marks,
              (select count(*)::int from email.email_sends) as emails`,
    )
  )[0];
const digest = async (sdk: TestSdk) =>
  (
    await sdk.query(
      `select (select md5(string_agg(u::text, '' order by id)) from auth.users u) as users,
              (select md5(string_agg(user_id || granted_at, '' order by user_id)) from permissions.user_roles) as grants,
              (select md5(string_agg(a::text, '' order by id)) from audit.audit_logs a
               where event_type <> 'platform.seeded') as audit,
              (select md5(string_agg(e::text, '' order by id)) from email.email_sends e) as emails`,
    )
  )[0];

const SETS = ['--users', '300', '--audit', '2000', '--emails', '500', '--until', '2026-03-15'];

test('the same seed and numbers give the same rows anywhere; a second run adds none', async () => {
  const [one, other] = [await startTestSdk(), await startTestSdk()];
  const first = await seed(one, ...SETS);
  expect(first).toMatchObject({ exitCode: 0, answer: { ok: true, seed: 1 } });
  expect(first.answer.sets.map(({ kind, added }: { kind: string; added: number }) => [kind, added])).toEqual([
    ['users', 300],
    ['audit', 2000],
    ['emails', 500],
  ]);
  const rows = { users: 300, grants: 300, audit: 2000, marks: 3, emails: 500 };
  expect(await counts(one)).toEqual(rows);
  // Without --until: what is there keeps its days.
  const again = await seed(one, ...SETS.slice(0, 6));
  expect(again.answer.sets.map(({ added }: { added: number }) => added)).toEqual([0, 0, 0]);
  expect(await counts(one)).toEqual(rows);
  await seed(other, ...SETS);
  expect(await digest(one)).toEqual(await digest(other));
  await seed(other, ...SETS, '--seed', '2');
  expect(await counts(other)).toEqual({ users: 600, grants: 600, audit: 4000, marks: 6, emails: 1000 });
});

test('seeded users hold the role that they show, are counted, have no password and no reachable address', async () => {
  const sdk = await startTestSdk();
  await seed(sdk, ...SETS);
  const [found] = await sdk.query(
    `select count(*)::int as users, count(distinct email)::int as addresses,
            bool_and(u.role = r.name) as shows_its_role, bool_and(u.role in ('user', 'manager')) as is_below_admin,
            bool_and(u.email like '%.invalid') as is_unreachable,
            bool_and(u.id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') as is_uuid,
            bool_and(('x' || translate(left(u.id, 13), '-', ''))::bit(48)::bigint
                     = round(extract(epoch from u.created_at) * 1000)) as has_its_time_in_the_id,
            max(u.created_at) < '2026-03-15' as is_past,
            max(u.created_at) - min(u.created_at) > interval '720 days' as is_spread,
            (select count(*)::int from auth.accounts) as accounts,
            (select sum(live)::int from auth.user_counts) as counted
     from auth.users u join permissions.user_roles g on g.user_id = u.id join permissions.roles r on r.id = g.role_id`,
  );
  expect(found).toEqual({
    users: 300,
    addresses: 300,
    shows_its_role: true,
    is_below_admin: true,
    is_unreachable: true,
    is_uuid: true,
    has_its_time_in_the_id: true,
    is_past: true,
    is_spread: true,
    accounts: 0,
    counted: 300,
  });
});

test('seeded audit rows lie in months of their own, unsealed, and say what they are', async () => {
  const sdk = await startTestSdk();
  await seed(sdk, ...SETS);
  const [found] = await sdk.query(
    `select count(*)::int as rows, bool_and(sequence is null and hash is null) as is_unsealed,
            bool_and(metadata->>'by' = 'sdk db seed') as is_marked,
            bool_and(exists (select from auth.users u where u.id = user_id)) as is_of_a_seeded_user,
            (select count(*)::int from only audit.audit_logs_default) as in_default,
            count(distinct tableoid)::int as partitions
     from audit.audit_logs where event_type <> 'platform.seeded'`,
  );
  expect(found).toEqual({
    rows: 2000,
    is_unsealed: true,
    is_marked: true,
    is_of_a_seeded_user: true,
    in_default: 0,
    // From 2025-09-16 to 2026-03-14.
    partitions: 7,
  });
});

describe('audit verify', () => {
  const keys = deriveChainKeys(['0123456789abcdef'.repeat(4)]);

  async function openLog(sdk: TestSdk) {
    const logger = createLogger({ service: 'test', version: 'test', level: 'silent' });
    const registry = createRegistry({ service: 'test', version: 'test' });
    const db = createDatabase({
      primaryUrl: sdk.database.pooledUrl,
      poolMin: 0,
      poolMax: 2,
      logger,
      registry,
    });
    onTestFinished(() => db.close());
    return {
      async seal() {
        let batch: { isFull: boolean };
        do batch = await sealBatch({ db, keys, sealAfterSeconds: 0 });
        while (batch.isFull);
      },
      verify: () => verifyAudit({ db, keys, onFinding: () => undefined }),
    };
  }

  /** Sealed before the seeding, as the first administrator's row is. */
  const addRow = (sdk: TestSdk) =>
    sdk.query(
      `insert into audit.audit_logs (id, created_at, event_type, metadata)
       values ('first', now() - interval '2 hours', 'user.created', '{}')`,
    );

  test('finds nothing wrong with seeded rows, once they are sealed with what was there', async () => {
    const sdk = await startTestSdk();
    const log = await openLog(sdk);
    await addRow(sdk);
    await log.seal();
    await seed(sdk, '--audit', '2000');
    await log.seal();
    expect(await log.verify()).toMatchObject({ isIntact: true, rows: 2002 });
    const [{ metadata }] = await sdk.query(
      "select metadata from audit.audit_logs where event_type = 'platform.seeded'",
    );
    expect(metadata).toMatchObject({ kind: 'audit', isChainRestarted: true });
  });

  test('names them where a chain about real users was kept', async () => {
    const sdk = await startTestSdk();
    const log = await openLog(sdk);
    await addRow(sdk);
    await sdk.query("insert into auth.users (id, email, name) values ('u', 'person@company.io', 'P')");
    await log.seal();
    const [before] = await sdk.query("select sequence, hash from audit.audit_logs where id = 'first'");
    await seed(sdk, '--audit', '100', '--force');
    await log.seal();
    expect(await sdk.query("select sequence, hash from audit.audit_logs where id = 'first'")).toEqual([
      before,
    ]);
    expect((await log.verify()).findings).toEqual({ backdated: 100 });
  });
});

test('seeded emails have met their end: nothing is left to send, and each time fits its status', async () => {
  const sdk = await startTestSdk();
  await seed(sdk, ...SETS);
  const [found] = await sdk.query(
    `select count(*)::int as emails, bool_and(recipient like '%.invalid') as is_unreachable,
            bool_and(status <> 'queued' and claimed_at is null) as is_ended,
            bool_and((status = 'failed') = (sent_at is null) and (status = 'failed') = (failed_at is not null)
                     and (status = 'delivered') = (delivered_at is not null)
                     and (status = 'bounced') = (bounced_at is not null)
                     and (status = 'failed') = (error_message is not null)
                     and coalesce(sent_at, created_at) >= created_at and updated_at >= coalesce(sent_at, created_at))
              as is_plausible,
            count(distinct status)::int as statuses, (select count(*)::int from email.email_outbox) as outbox
     from email.email_sends`,
  );
  expect(found).toEqual({
    emails: 500,
    is_unreachable: true,
    is_ended: true,
    is_plausible: true,
    statuses: 4,
    outbox: 0,
  });
});

test('a platform with a real user is left alone, unless forced', async () => {
  const sdk = await startTestSdk();
  const add = (id: string, email: string) =>
    sdk.query('insert into auth.users (id, email, name) values ($1, $2, $1)', [id, email]);
  await add('1', ADMIN_EMAIL);
  await add('2', 'somebody@example.org');
  expect((await seed(sdk, '--users', '1')).exitCode).toBe(0);
  await add('3', 'person@company.example.io');
  const refused = await seed(sdk, '--users', '2');
  expect(refused).toMatchObject({ exitCode: 1, answer: { error: expect.stringContaining('--force') } });
  expect((await counts(sdk)).users).toBe(4);
  expect((await seed(sdk, '--users', '2', '--force')).exitCode).toBe(0);
  expect((await counts(sdk)).users).toBe(6);
});

test('Ctrl-C in the middle ends with 130 and leaves nothing; the next run does it all', async () => {
  const sdk = await startTestSdk();
  const args = ['db', 'seed', '--users', '500000'];
  const { child, exited } = sdk.start(args);
  // In the middle: rows are being copied, and none is committed.
  await expect
    .poll(() => sdk.query('select from pg_stat_progress_copy where tuples_processed > 20000'))
    .toHaveLength(1);
  child.kill('SIGINT');
  expect(await exited).toEqual({ exitCode: 130, stdout: '', stderr: 'sdk: interrupted\n' });
  expect(await counts(sdk)).toMatchObject({ users: 0, grants: 0, marks: 0 });
  expect(await seed(sdk, '--users', '500')).toMatchObject({ exitCode: 0 });
  expect(await counts(sdk)).toMatchObject({ users: 500, grants: 500, marks: 1 });
});

test('a second seeding at the same time is refused', async () => {
  const sdk = await startTestSdk();
  const { child, exited } = sdk.start(['db', 'seed', '--users', '500000']);
  await expect.poll(() => sdk.query('select from pg_stat_progress_copy')).toHaveLength(1);
  const { exitCode, answer } = await seed(sdk, '--users', '1');
  child.kill('SIGINT');
  await exited;
  expect({ exitCode, answer }).toEqual({
    exitCode: 1,
    answer: { ok: false, error: 'another `sdk db seed` is at work on this database' },
  });
});

test.each([
  [[], 'nothing to seed: --users'],
  [['--users', '-1'], "option '--users <n>'"],
  [['--audit', '1e6'], "option '--audit <n>'"],
  [['--users', '1', '--until', '2026-02-31'], "option '--until <day>'"],
])('db seed %j: used wrongly, exit code 2', async (args, named) => {
  const sdk = await startTestSdk();
  const { exitCode, stdout, stderr } = await sdk.run(['db', 'seed', ...args]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(named);
});
