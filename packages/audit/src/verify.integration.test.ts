import { beforeEach, describe, expect, test } from 'vitest';
import { SEALED_COLUMNS } from './chain.ts';
import { dropExpiredPartitions } from './retention.ts';
import { KEY, openTestLog, short, type TestLog } from './testing/log.ts';

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});

/** Rows a1…a10, b1…b10, c1…c10 with the sequences 1…30, in the partitions of three past months. */
async function threeMonths(): Promise<void> {
  await log.addRows('a', log.monthsAgo(4), 10);
  await log.addRows('b', log.monthsAgo(3), 10);
  await log.addRows('c', log.monthsAgo(2), 10);
  expect(await log.seal()).toBe(30);
}

const findings = async (options?: Parameters<TestLog['verify']>[0]) =>
  (await log.verify(options)).findings.map(short);

test('ten thousand untouched rows over several months pass', async () => {
  await log.addRows('old', new Date(log.monthsAgo(3).getTime() - 86_400_000 * 3), 9_000);
  await log.addRows('new', log.monthsAgo(2), 1_000);
  expect(await log.seal()).toBe(10_000);
  const { verification, findings: found } = await log.verify();
  expect(found).toEqual([]);
  expect(verification).toMatchObject({
    isIntact: true,
    rows: 10_000,
    head: { sequence: 10_000 },
    waiting: 0,
  });
  expect(await findings({ batchRows: 7, expectHead: verification.head ?? undefined })).toEqual([]);
});

test('an empty log passes', async () => {
  expect(await log.verify()).toMatchObject({ findings: [], verification: { isIntact: true, rows: 0 } });
});

test('every stored column is sealed', async () => {
  const columns = await log.sql<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = 'audit' and table_name = 'audit_logs'`,
  );
  expect(columns.map(({ name }) => name).toSorted()).toEqual([...SEALED_COLUMNS, 'hash'].toSorted());
});

describe('a changed row is named:', () => {
  test.each([
    ['id', "id = 'other'", 'changed other'],
    ['created_at, by a millisecond', "created_at = created_at + interval '1 ms'"],
    ['created_at, into another month', "created_at = created_at + interval '1 month'"],
    ['event_type', "event_type = 'user.deleted'"],
    ['user_id', "user_id = 'somebody else'"],
    ['user_id, to none', 'user_id = null'],
    ['ip_address', "ip_address = '198.51.100.7'"],
    ['metadata', `metadata = '{"name": "other"}'`],
    ['metadata, by a digit', `metadata = jsonb_set(metadata, '{number}', '1.0')`],
    ['pii_masked', 'pii_masked = false'],
    ['hash', "hash = 'v1.' || repeat('A', 43) || '.' || repeat('A', 43)"],
    ['hash, its link only', "hash = left(hash, 46) || '.' || repeat('A', 43)"],
    ['hash, to none', 'hash = null'],
    ['hash, to that of another row', "hash = (select hash from audit.audit_logs where id = 'b6')"],
  ])('%s', async (_column, change, expected = 'changed b5') => {
    await threeMonths();
    await log.sql(`update audit.audit_logs set ${change} where id = 'b5'`);
    const { findings: found, verification } = await log.verify();
    expect(found.map(short)).toEqual([expected]);
    expect(found[0]).toMatchObject({ sequence: '15', createdAt: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(verification).toMatchObject({ isIntact: false, findings: { changed: 1 } });
  });

  test.each(['a1', 'a10', 'b1', 'c10'])('the row %s, first or last of a partition or the log', async (id) => {
    await threeMonths();
    await log.sql("update audit.audit_logs set event_type = 'x' where id = $1", [id]);
    expect(await findings()).toEqual([`changed ${id}`]);
  });

  test('two that have changed places', async () => {
    await threeMonths();
    await log.sql(`update audit.audit_logs set sequence = -15 where id = 'b5'`);
    await log.sql(`update audit.audit_logs set sequence = 15 where id = 'b6'`);
    await log.sql(`update audit.audit_logs set sequence = 16 where id = 'b5'`);
    expect(await findings()).toEqual(['changed b6', 'changed b5']);
  });
});

describe('removed rows are named by their place and their neighbours:', () => {
  test.each([
    ["id = 'b5'", 'removed 15-15 between b4 and b6'],
    ["id in ('b4', 'b5', 'b6')", 'removed 14-16 between b3 and b7'],
    ["id = 'a1'", 'removed 1-1 between nothing and a2'],
    ["id = 'a10'", 'removed 10-10 between a9 and b1'],
    ["id in ('a10', 'b1')", 'removed 10-11 between a9 and b2'],
    ["id like 'b%'", 'removed 11-20 between a10 and c1'],
    ["id = 'c10'", 'removed 30-30 between c9 and nothing'],
    ["id like 'c%'", 'removed 21-30 between b10 and nothing'],
    ['true', 'removed 1-30 between nothing and nothing'],
  ])('%s', async (where, expected) => {
    await threeMonths();
    await log.sql(`delete from audit.audit_logs where ${where}`);
    expect(await findings()).toEqual([expected]);
  });

  test('a whole partition', async () => {
    await threeMonths();
    const [partition] = await log.sql<{ name: string }>(
      "select distinct tableoid::regclass::text as name from audit.audit_logs where id like 'b%'",
    );
    await log.sql(`drop table ${partition?.name}`);
    expect(await findings()).toEqual(['removed 11-20 between a10 and c1']);
  });

  test('a row that lost its place, and is sealed again at the end', async () => {
    await threeMonths();
    await log.sql("update audit.audit_logs set sequence = null, hash = null where id = 'b5'");
    expect(await findings()).toEqual(['removed 15-15 between b4 and b6', 'unsealed b5']);
    await log.seal();
    expect(await findings()).toEqual(['removed 15-15 between b4 and b6', 'backdated b5']);
  });

  test('the end, and the head with it: an earlier head knows better', async () => {
    await threeMonths();
    const [before] = await log.sql('select sequence::int, hash, signature from audit.chain_head');
    await log.addRows('d', log.monthsAgo(1), 5);
    await log.seal();
    const { verification } = await log.verify();
    // Whoever has an old backup has an old head, with its signature.
    await log.sql("delete from audit.audit_logs where id like 'd%'");
    await log.sql('update audit.chain_head set sequence = $1, hash = $2, signature = $3', [
      before?.['sequence'],
      before?.['hash'],
      before?.['signature'],
    ]);
    expect(await findings()).toEqual([]);
    expect(await findings({ expectHead: verification.head ?? undefined })).toEqual(['head']);
    await log.addRows('e', log.monthsAgo(1), 9);
    await log.seal();
    expect(await findings()).toEqual([]);
    expect(await findings({ expectHead: verification.head ?? undefined })).toEqual(['head']);
    expect(await findings({ expectHead: { sequence: 30, hash: String(before?.['hash']) } })).toEqual([]);
  });
});

describe('inserted rows are named:', () => {
  const insert = (id: string, like: string, sequence: string, hash: string) =>
    log.sql(
      `insert into audit.audit_logs (id, created_at, event_type, metadata, sequence, hash)
       select '${id}', created_at + interval '1 second', 'forged', '{}', ${sequence}, ${hash}
       from audit.audit_logs where id = '${like}'`,
    );

  test('beyond the end of the chain', async () => {
    await threeMonths();
    await insert('forged', 'c10', '31', 'hash');
    await insert('far', 'c10', '9223372036854775807', 'hash');
    expect(await findings()).toEqual(['inserted forged', 'inserted far']);
  });

  test('before its beginning', async () => {
    await threeMonths();
    await insert('zero', 'a1', '0', 'hash');
    await insert('negative', 'a1', '-9223372036854775808', 'hash');
    expect(await findings()).toEqual(['inserted negative', 'inserted zero']);
  });

  test.each(['_forged', 'zforged'])('with the sequence of another row, as %s', async (id) => {
    await threeMonths();
    // In its own partition the unique index has to go first; in another one it doesn't stand in the way.
    const [index] = await log.sql<{ name: string }>(
      `select 'audit.' || relname || '_sequence_key' as name from audit.audit_logs a join pg_class c on c.oid = a.tableoid
       where a.id = 'b5'`,
    );
    await log.sql(`drop index ${index?.name}`);
    await insert(id, 'b5', '15', 'hash');
    expect(await findings()).toEqual([`inserted ${id}`]);
    await insert(`${id}2`, 'c5', '16', 'null');
    expect(await findings({ batchRows: 1 })).toEqual([`inserted ${id}`, `inserted ${id}2`]);
  });

  test('a copy of another row, seal and all', async () => {
    await threeMonths();
    await log.sql(
      `insert into audit.audit_logs (id, created_at, event_type, user_id, ip_address, metadata, sequence, hash)
       select id, created_at + interval '1 month', event_type, user_id, ip_address, metadata, sequence, hash
       from audit.audit_logs where id = 'b5'`,
    );
    const { findings: found } = await log.verify();
    expect(found).toMatchObject([
      {
        kind: 'inserted',
        id: 'b5',
        createdAt: new Date(log.monthsAgo(2).getTime() + 4 * 60_000).toISOString(),
      },
    ]);
  });

  test('in the place of a removed row', async () => {
    await threeMonths();
    await log.sql("delete from audit.audit_logs where id = 'b5'");
    await insert('forged', 'b4', '15', 'hash');
    expect(await findings()).toEqual(['changed forged']);
  });

  test('sealed by the platform, long after its time', async () => {
    await threeMonths();
    await log.addRows('late', new Date(log.monthsAgo(3).getTime() + 30_000), 2);
    await log.seal();
    expect(await findings()).toEqual(['backdated late1', 'backdated late2']);
  });

  test('a minute late is no forgery: a transaction may take 20 s', async () => {
    await threeMonths();
    const end = log.monthsAgo(2).getTime() + 9 * 60_000;
    await log.addRows('late', new Date(end - 59_000), 1);
    await log.seal();
    expect(await findings()).toEqual([]);
  });
});

describe('rows that wait for their seal', () => {
  test('are named when they have waited for more than a quarter of an hour, or lie ahead', async () => {
    const now = Date.now();
    await log.addRows('young', new Date(now - 14 * 60_000), 10);
    const { verification, findings: found } = await log.verify();
    expect(found).toEqual([]);
    expect(verification).toMatchObject({ isIntact: true, waiting: 10 });
    await log.addRows('old', new Date(now - 18 * 60_000), 2);
    await log.addRows('ahead', new Date(now + 10 * 60_000), 1);
    expect(await findings()).toEqual(['unsealed old1', 'unsealed old2', 'unsealed ahead1']);
  });
});

describe('the end of the chain', () => {
  test.each([
    ['has another sequence', 'sequence = 29'],
    ['has another hash', "hash = (select hash from audit.audit_logs where id = 'c9')"],
    ['has no signature', 'signature = null'],
  ])('that %s is reported', async (_name, change) => {
    await threeMonths();
    await log.sql(`update audit.chain_head set ${change}`);
    expect(await findings()).toEqual(['head']);
  });

  test('that is gone is reported, and the rows are looked at all the same', async () => {
    await threeMonths();
    await log.sql('delete from audit.chain_head');
    await log.sql("update audit.audit_logs set user_id = 'x' where id = 'c3'");
    expect(await findings()).toEqual(['head', 'changed c3']);
  });

  test('an expected head with another hash is reported', async () => {
    await threeMonths();
    expect(await findings({ expectHead: { sequence: 15, hash: 'v1.other' } })).toEqual(['head']);
    expect(await findings({ expectHead: { sequence: 31, hash: 'v1.other' } })).toEqual(['head']);
  });
});

test('of several kinds at once each is named, and nothing else', async () => {
  await threeMonths();
  await log.sql("update audit.audit_logs set user_id = 'x' where id in ('a1', 'a2', 'b7')");
  await log.sql("delete from audit.audit_logs where id in ('a5', 'a6', 'b8', 'c10')");
  await log.sql("update audit.audit_logs set metadata = '{}' where id = 'a7'");
  await log.sql("update audit.audit_logs set hash = null where id = 'b10'");
  await log.sql(
    `insert into audit.audit_logs (id, created_at, event_type, metadata, sequence, hash)
     select 'forged', created_at, 'forged', '{}', 21, 'x' from audit.audit_logs where id = 'b1'`,
  );
  const expected = [
    'changed a1',
    'changed a2',
    'removed 5-6 between a4 and a7',
    'changed a7',
    'changed b7',
    'removed 18-18 between b7 and b9',
    'changed b10',
    'inserted forged',
    'removed 30-30 between c9 and nothing',
  ];
  for (const batchRows of [1, 2, 3, 1000]) expect(await findings({ batchRows })).toEqual(expected);
});

describe('after a retention drop', () => {
  const drop = () => dropExpiredPartitions({ db: log.db, keys: [KEY], retentionMonths: 3 });

  test('what is left passes, and tampering with it is named', async () => {
    await threeMonths();
    expect(await drop()).toMatchObject({
      dropped: [expect.stringMatching(/^audit_logs_/)],
      refusal: undefined,
    });
    const { verification, findings: found } = await log.verify();
    expect(found).toEqual([]);
    expect(verification.rows).toBe(20);
    await log.sql("delete from audit.audit_logs where id = 'b1'");
    await log.sql("update audit.audit_logs set user_id = 'x' where id = 'b2'");
    expect(await findings()).toEqual(['removed 11-11 between nothing and b2', 'changed b2']);
  });

  test('a row put back with an old sequence is named', async () => {
    await threeMonths();
    await log.sql("create table public.kept as select * from audit.audit_logs where id = 'a10'");
    await drop();
    await log.sql('insert into audit.audit_logs select * from public.kept');
    expect(await findings()).toEqual(['inserted a10']);
  });

  test('the first row after it must follow from the last that was dropped', async () => {
    await threeMonths();
    await drop();
    await log.sql(
      "update audit.audit_logs set hash = left(hash, 46) || '.' || repeat('A', 43) where id = 'b1'",
    );
    expect(await findings()).toEqual(['changed b1']);
  });

  test('an anchor that was moved, to cover up that rows behind it were removed, is reported alone', async () => {
    await threeMonths();
    const [last] = await log.sql<{ hash: string }>("select hash from audit.audit_logs where id = 'b3'");
    await drop();
    await log.sql("delete from audit.audit_logs where id in ('b1', 'b2', 'b3')");
    await log.sql('update audit.dropped_partitions set last_sequence = 13, row_count = 13, last_hash = $1', [
      last?.hash,
    ]);
    expect(await findings()).toEqual([expect.stringMatching(/^anchor audit_logs_/)]);
  });

  test('an anchor with another hash is reported, and not the row after it', async () => {
    await threeMonths();
    await drop();
    await log.sql("update audit.dropped_partitions set last_hash = 'v1.x.y'");
    expect(await findings()).toEqual([expect.stringMatching(/^anchor audit_logs_/)]);
  });

  test.each([
    ['is changed', 'update audit.dropped_partitions set row_count = 9'],
    [
      'is made up',
      `insert into audit.dropped_partitions select 'audit_logs_2000_01', 11, 20, last_hash, 10, signature
         from audit.dropped_partitions`,
    ],
  ])('an anchor that %s is reported', async (_name, change) => {
    await threeMonths();
    await drop();
    await log.sql(change);
    expect((await findings())[0]).toMatch(/^anchor audit_logs_/);
  });

  test('a partition dropped by hand, its anchor copied, is reported', async () => {
    await threeMonths();
    await drop();
    await log.sql('delete from audit.dropped_partitions');
    expect(await findings()).toEqual(['removed 1-10 between nothing and b1']);
  });

  test('an expected head that was dropped with its partition is compared where it can be', async () => {
    await threeMonths();
    const [last] = await log.sql<{ hash: string }>("select hash from audit.audit_logs where id = 'a10'");
    await drop();
    expect(await findings({ expectHead: { sequence: 10, hash: last?.hash ?? '' } })).toEqual([]);
    expect(await findings({ expectHead: { sequence: 10, hash: 'v1.other' } })).toEqual(['head']);
    const { verification } = await log.verify({ expectHead: { sequence: 9, hash: 'v1.any' } });
    expect(verification).toMatchObject({ isIntact: true, notes: [expect.stringContaining('sequence 9')] });
  });
});
