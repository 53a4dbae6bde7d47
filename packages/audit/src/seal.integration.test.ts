import { auditChainHead } from '@sv-sdk/db';
import { beforeEach, describe, expect, test } from 'vitest';
import { deriveChainKey, hashRow, type StoredRow } from './chain.ts';
import { recordAudit } from './record-audit.ts';
import { ChainHeadError, readSealingState, rekeyChain, sealBatch } from './seal.ts';
import { KEY, openTestLog, short, type TestLog } from './testing/log.ts';

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});

const MINUTE_MS = 60_000;
const sealedIds = async () =>
  (
    await log.sql<{ id: string }>(
      'select id from audit.audit_logs where sequence is not null order by sequence',
    )
  ).map(({ id }) => id);

test('rows are sealed in the order of their time and id, whatever order they came in, without a gap', async () => {
  const from = log.monthsAgo(2);
  await log.addRows('b', from, 3);
  await log.addRows('a', from, 3);
  expect(await log.seal({ batchRows: 2 })).toBe(6);
  expect(await sealedIds()).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  expect(
    await log.sql('select min(sequence)::int, max(sequence)::int, count(*)::int from audit.audit_logs'),
  ).toEqual([{ min: 1, max: 6, count: 6 }]);
  const [head] = await log.db.write().select().from(auditChainHead);
  const [last] = await log.sql("select hash from audit.audit_logs where id = 'b3'");
  expect(head).toMatchObject({ sequence: 6, hash: last?.['hash'], signature: expect.any(String) });
});

test('what the app wrote can be verified after Postgres has stored it its own way', async () => {
  const metadata = {
    zebra: 1,
    a: 1e21,
    float: 0.1 + 0.2,
    negativeZero: -0,
    text: 'Ä "\\ \u0001 \u2028 😀',
    '': null,
    nested: { list: [1, [], {}], when: new Date(0) },
  };
  await log.db.withTx((tx) =>
    recordAudit(tx, { eventType: 'test.written', userId: 'u', ipAddress: null, metadata }),
  );
  expect(await log.seal({ sealAfterSeconds: 0 })).toBe(1);
  expect((await log.verify()).verification).toMatchObject({ isIntact: true, rows: 1 });
});

test('a row waits until nothing can be committed before it', async () => {
  await log.addRows('old', new Date(Date.now() - 26_000), 1);
  await log.addRows('young', new Date(Date.now() - 15_000), 1);
  const before = await readSealingState(log.db);
  expect(before.oldestUnsealedSeconds).toBeGreaterThanOrEqual(26);
  expect(before.headSequence).toBe(0);
  await log.seal();
  expect(await sealedIds()).toEqual(['old1']);
  const after = await readSealingState(log.db);
  expect(after.oldestUnsealedSeconds).toBeLessThan(26);
  expect(after.headSequence).toBe(1);
});

test('rows of a new month wait until it is five minutes old, so that a late row of the old one comes before', async () => {
  const month = log.monthsAgo(1);
  await log.addRows('new', month, 3);
  await log.addRows('old', new Date(month.getTime() - 2 * MINUTE_MS), 2);
  await log.seal({ now: new Date(month.getTime() + 4.9 * MINUTE_MS) });
  expect(await sealedIds()).toEqual(['old1', 'old2']);
  await log.addRows('late', new Date(month.getTime() - 1), 1);
  await log.seal({ now: new Date(month.getTime() + 5 * MINUTE_MS) });
  expect(await sealedIds()).toEqual(['old1', 'old2', 'late1', 'new1', 'new2', 'new3']);
});

test('many sealers at once give each place once', async () => {
  await log.addRows('a', log.monthsAgo(2), 2_000);
  let left = 2_000;
  while (left > 0) {
    const batches = await Promise.all(
      Array.from({ length: 8 }, () => sealBatch({ db: log.db, keys: [KEY], batchRows: 300 })),
    );
    left -= batches.reduce((sum, { rows }) => sum + rows, 0);
  }
  expect(await log.verify()).toMatchObject({ findings: [], verification: { rows: 2_000 } });
});

test('a sealer that finds another at work does nothing, and does not wait for it', async () => {
  await log.addRows('a', log.monthsAgo(2), 1);
  await log.sql('begin');
  await log.sql('select pg_advisory_xact_lock(7301002)');
  expect(await sealBatch({ db: log.db, keys: [KEY] })).toEqual({ rows: 0, isFull: false });
  await log.sql('rollback');
  expect(await log.seal()).toBe(1);
});

test('writers of audit rows do not wait for the sealer, nor it for them', async () => {
  await log.addRows('a', log.monthsAgo(2), 10);
  await log.db.withTx(async (tx) => {
    await recordAudit(tx, { eventType: 'test.open', userId: null, ipAddress: null });
    expect(await log.seal()).toBe(10);
  });
  await log.sql('begin');
  await log.sql('select * from audit.chain_head for update');
  await log.sql('select * from audit.audit_logs for update');
  await log.db.withTx((tx) =>
    recordAudit(tx, { eventType: 'test.meanwhile', userId: null, ipAddress: null }),
  );
  await log.sql('rollback');
  expect(await log.sql("select count(*)::int from audit.audit_logs where event_type like 'test.%'")).toEqual([
    { count: 2 },
  ]);
});

test.each([
  ['that was changed', 'update audit.chain_head set sequence = 1'],
  ['without a signature', 'update audit.chain_head set signature = null'],
  ['that is gone', 'delete from audit.chain_head'],
])('nothing is sealed after an end of the chain %s', async (_name, change) => {
  await log.addRows('a', log.monthsAgo(2), 2);
  await log.seal();
  await log.addRows('b', log.monthsAgo(1), 2);
  await log.sql(change);
  await expect(log.seal()).rejects.toThrow(ChainHeadError);
  expect(await sealedIds()).toEqual(['a1', 'a2']);
});

test('nothing is sealed with another key', async () => {
  await log.addRows('a', log.monthsAgo(2), 2);
  await log.seal();
  await log.addRows('b', log.monthsAgo(1), 2);
  const otherKey = deriveChainKey('fedcba9876543210'.repeat(4));
  await expect(sealBatch({ db: log.db, keys: [otherKey] })).rejects.toThrow('ENCRYPTION_KEY is another one');
  expect(await sealedIds()).toEqual(['a1', 'a2']);
});

describe('a chain whose key is changed', () => {
  const newKey = deriveChainKey('fedcba9876543210'.repeat(4));

  test('goes on under the old key until it is told, whichever key a sealer has first', async () => {
    await log.addRows('a', log.monthsAgo(4), 2);
    await log.seal();
    await log.addRows('b', log.monthsAgo(3), 2);
    await log.seal({ keys: [newKey, KEY] });
    expect((await log.verify()).findings).toEqual([]);
    const change = () => log.db.withTx((tx) => rekeyChain(tx, [newKey, KEY]));
    expect([await change(), await change()]).toEqual([true, false]);
    await log.addRows('c', log.monthsAgo(2), 2);
    await log.seal({ keys: [KEY, newKey] });
    expect((await log.verify({ keys: [newKey, KEY] })).findings).toEqual([]);
    // The rows since are under the new one.
    expect((await log.verify()).findings.length).toBeGreaterThan(0);
  });

  test('is not given to a key that is not in the ring', async () => {
    await log.addRows('a', log.monthsAgo(2), 2);
    await log.seal();
    await expect(log.db.withTx((tx) => rekeyChain(tx, [newKey]))).rejects.toThrow(ChainHeadError);
  });

  test('shows a row that was sealed under an old key after the change', async () => {
    await log.addRows('a', log.monthsAgo(4), 2);
    await log.seal();
    await log.db.withTx((tx) => rekeyChain(tx, [newKey, KEY]));
    await log.addRows('b', log.monthsAgo(3), 2);
    await log.seal({ keys: [newKey, KEY] });
    // Whoever has the old key and may write to the table: a row that says something else, under a seal that fits.
    const [row] = await log.sql<StoredRow & { link: string }>(
      `select id, trunc(extract(epoch from created_at) * 1000)::text as "createdAtMs", 'forged' as "eventType",
         user_id as "userId", ip_address as "ipAddress", metadata::text as metadata, pii_masked as "piiMasked",
         (select hash from audit.audit_logs where sequence = 3) as link
       from audit.audit_logs where sequence = 4`,
    );
    if (row === undefined) throw new Error('the row is not there');
    await log.sql("update audit.audit_logs set event_type = 'forged', hash = $1 where sequence = 4", [
      hashRow(KEY, row.link, 4, row),
    ]);
    const { findings } = await log.verify({ keys: [newKey, KEY] });
    expect(findings.map(short)).toContain('changed b2');
  });
});
