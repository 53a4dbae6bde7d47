import { auditDroppedPartitions } from '@sv-sdk/db';
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  coveredUntil,
  createPartitionsAhead,
  dropExpiredPartitions,
  expiredPartitions,
  listPartitions,
} from './retention.ts';
import { KEY, openTestLog, type TestLog } from './testing/log.ts';

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});

const nameOf = (month: Date) => `audit_logs_${month.toISOString().slice(0, 7).replace('-', '_')}`;
const names = async () => (await listPartitions(log.db)).map(({ name }) => name);
const drop = (options: Partial<Parameters<typeof dropExpiredPartitions>[0]> = {}) =>
  dropExpiredPartitions({ db: log.db, keys: [KEY], retentionMonths: 2, ...options });

/** a1…a10 four months ago, b1…b10 three months ago, c1…c10 two months ago; sealed. */
async function threeMonths(): Promise<void> {
  await log.addRows('a', log.monthsAgo(4), 10);
  await log.addRows('b', log.monthsAgo(3), 10);
  await log.addRows('c', log.monthsAgo(2), 10);
  await log.seal();
}

test('partitions are made ahead once, and say until when the log is covered', async () => {
  const [last] = (await listPartitions(log.db)).slice(-1);
  await log.sql(`drop table audit.${last?.name}`);
  expect(await createPartitionsAhead(log.db)).toBe(1);
  expect(await createPartitionsAhead(log.db)).toBe(0);
  expect(coveredUntil(await listPartitions(log.db), new Date())).toEqual(log.monthsAgo(-4));
});

test('a missing month ends what is covered', async () => {
  await log.sql(`drop table audit.${nameOf(log.monthsAgo(-2))}`);
  expect(coveredUntil(await listPartitions(log.db), new Date())).toEqual(log.monthsAgo(-2));
  const now = new Date();
  expect(coveredUntil([], now)).toBe(now);
});

test('months that are wholly older than the retention expire; 0 keeps all', async () => {
  await threeMonths();
  const partitions = await listPartitions(log.db);
  const expired = (months: number) =>
    expiredPartitions(partitions, months, new Date()).map(({ from }) => from);
  expect(expired(2)).toEqual([log.monthsAgo(4), log.monthsAgo(3)]);
  expect(expired(3)).toEqual([log.monthsAgo(4)]);
  expect(expired(4)).toEqual([]);
  expect(expired(0)).toEqual([]);
});

test('expired partitions are dropped, oldest first, and where the chain goes on is written down', async () => {
  await threeMonths();
  const dropped = [nameOf(log.monthsAgo(4)), nameOf(log.monthsAgo(3))];
  const lastHashes = await log.sql<{ hash: string }>(
    "select hash from audit.audit_logs where id in ('a10', 'b10') order by sequence",
  );
  expect(await drop()).toEqual({ dropped, refusal: undefined });
  expect(await drop()).toEqual({ dropped: [], refusal: undefined });
  expect(await names()).not.toContain(dropped[0]);
  expect(
    await log.db.write().select().from(auditDroppedPartitions).orderBy(auditDroppedPartitions.name),
  ).toEqual([
    {
      name: dropped[0],
      firstSequence: 1,
      lastSequence: 10,
      lastHash: lastHashes[0]?.hash,
      rowCount: 10,
      signature: expect.any(String),
      droppedAt: expect.any(Date),
    },
    {
      name: dropped[1],
      firstSequence: 11,
      lastSequence: 20,
      lastHash: lastHashes[1]?.hash,
      rowCount: 10,
      signature: expect.any(String),
      droppedAt: expect.any(Date),
    },
  ]);
  expect((await log.verify()).verification).toMatchObject({ isIntact: true, rows: 10 });
});

test('an empty partition is dropped, and the chain goes on over it', async () => {
  await log.sql('select audit.create_partitions($1::timestamptz::date, 1)', [log.monthsAgo(5)]);
  await threeMonths();
  expect((await drop()).dropped).toHaveLength(3);
  await log.addRows('d', log.monthsAgo(1), 2);
  await log.seal();
  expect((await log.verify()).verification).toMatchObject({ isIntact: true, rows: 12 });
});

describe('a partition stays', () => {
  test('while it has rows that are not sealed', async () => {
    await threeMonths();
    await log.addRows('x', new Date(log.monthsAgo(4).getTime() + 3_600_000), 1);
    expect(await drop()).toEqual({
      dropped: [],
      refusal: `${nameOf(log.monthsAgo(4))} has rows that are not sealed`,
    });
  });

  test('whose sequences are interleaved with those of another', async () => {
    await log.addRows('b', log.monthsAgo(3), 5);
    await log.seal();
    await log.addRows('a', log.monthsAgo(4), 5);
    await log.seal();
    const { dropped, refusal } = await drop({ despiteFindings: true });
    expect(dropped).toEqual([]);
    expect(refusal).toBe(
      `the sequences of ${nameOf(log.monthsAgo(4))} are interleaved with those of another partition`,
    );
    // What lies in the default partition counts as well.
    expect(await names()).toContain(nameOf(log.monthsAgo(4)));
  });

  test.each([
    ['changed', "update audit.audit_logs set user_id = 'x' where id = 'a3'", 'changed'],
    ['removed', "delete from audit.audit_logs where id = 'a3'", 'removed'],
    ['removed at the end', "delete from audit.audit_logs where id = 'a10'", 'removed'],
    ['removed with all the others', "delete from audit.audit_logs where id like 'a%'", 'removed'],
  ])('that shows that a row was %s, until a person says otherwise', async (_name, tampering, kind) => {
    await threeMonths();
    await log.sql(tampering);
    expect(await drop()).toEqual({ dropped: [], refusal: expect.stringContaining(`(${kind})`) });
    expect((await drop({ despiteFindings: true })).dropped).toHaveLength(2);
  });
});

describe('the function of the database refuses, whatever its caller says,', () => {
  const call = async (month: Date, last: number, hash: string, rows: number) =>
    log.db.write().execute(sql`
      select audit.drop_partition(${month.toISOString().slice(0, 10)}::date, ${last}, ${hash}, ${rows}, 'signature')`);
  const refusal = (text: string) =>
    expect.objectContaining({
      cause: expect.objectContaining({ code: '55000', message: expect.stringContaining(text) }),
    });

  test.each([
    [-1, 'ended less than a month ago'],
    [0, 'ended less than a month ago'],
    [1, 'ended less than a month ago'],
    [3, 'is not the oldest partition'],
    [9, 'there is no partition'],
  ])('the month %i months ago', async (months, text) => {
    await log.addRows('x', log.monthsAgo(1), 1);
    await threeMonths();
    await expect(call(log.monthsAgo(months), 0, '', 0)).rejects.toEqual(refusal(text));
  });

  test.each([
    ['another end', 9, 'right', 9],
    ['another hash', 10, 'wrong', 10],
    ['more rows than places', 10, 'right', 11],
  ])('%s', async (_name, last, hash, rows) => {
    await threeMonths();
    const [row] = await log.sql<{ hash: string }>("select hash from audit.audit_logs where id = 'a10'");
    const actual = hash === 'right' ? (row?.hash ?? '') : hash;
    await expect(call(log.monthsAgo(4), last, actual, rows)).rejects.toEqual(
      refusal('is not what was verified'),
    );
  });

  test('and gives up after a second where somebody reads the log', async () => {
    await threeMonths();
    await log.sql('begin');
    await log.sql('select 1 from audit.audit_logs limit 1');
    await expect(drop()).rejects.toMatchObject({ cause: { code: '55P03' } });
    await log.sql('rollback');
    expect((await drop()).dropped).toHaveLength(2);
  });
});
