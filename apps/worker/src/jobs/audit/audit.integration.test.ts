import { KEYS, openTestLog, type TestLog } from '@sv-sdk/audit/testing';
import { createDatabase } from '@sv-sdk/db';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createAuditMetrics } from './metrics.ts';
import { keepPartitions } from './partitions.ts';
import { startSealer } from './sealer.ts';

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});

/** What one worker has of its own. */
function worker(db = log.db) {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line)) });
  const registry = new Registry();
  return {
    lines,
    options: { db, keys: KEYS, metrics: createAuditMetrics(registry), logger },
    /** Undefined: the metric has no value. */
    metric: async (name: string) => {
      const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(await registry.metrics())?.[1];
      return value === undefined ? undefined : Number(value);
    },
  };
}

const unsealed = async () =>
  (await log.sql<{ count: number }>('select count(*)::int from audit.audit_logs where sequence is null'))[0]
    ?.count;

test('the sealer seals all there is, batch after batch, and says where the chain ends', async () => {
  await log.addRows('a', log.monthsAgo(2), 2_500);
  const { options, metric, lines } = worker();
  const sealer = startSealer(options);
  onTestFinished(() => sealer.stop());
  await expect.poll(unsealed).toBe(0);
  await expect.poll(() => metric('sv_audit_unsealed_oldest_seconds')).toBe(0);
  expect(await metric('sv_audit_sealed_total')).toBe(2_500);
  await expect.poll(() => metric('sv_audit_head_sequence')).toBe(2_500);
  await sealer.stop();
  // One line a minute, and not one a batch.
  const heads = lines.filter(({ msg }) => msg === 'end of the audit chain');
  expect(heads).toHaveLength(1);
  const { sequence, hash } = heads[0] as { sequence: number; hash: string };
  expect(await log.verify({ expectHead: { sequence, hash } })).toMatchObject({ findings: [] });
});

test('three workers share the work, and one that is away does not end it', async () => {
  const workers = [worker(), worker(), worker()];
  const sealers = workers.map(({ options }) => startSealer(options));
  onTestFinished(async () => {
    await Promise.all(sealers.map((sealer) => sealer.stop()));
  });
  await log.addRows('a', log.monthsAgo(2), 3_000);
  await sealers[0]?.stop();
  await expect.poll(unsealed).toBe(0);
  await Promise.all(sealers.map((sealer) => sealer.stop()));
  const sealed = await Promise.all(workers.map(({ metric }) => metric('sv_audit_sealed_total')));
  expect(sealed.reduce((sum = 0, rows = 0) => sum + rows, 0)).toBe(3_000);
  expect((await log.verify()).verification).toMatchObject({ isIntact: true, rows: 3_000 });
});

test('rows that cannot be sealed show their age', async () => {
  await log.addRows('a', log.monthsAgo(2), 1);
  await log.sql('delete from audit.chain_head');
  const { options, metric, lines } = worker();
  const sealer = startSealer(options);
  onTestFinished(() => sealer.stop());
  await expect
    .poll(() => lines.some(({ loop, failures }) => loop === 'audit sealer' && failures === 1))
    .toBe(true);
  expect(await metric('sv_audit_unsealed_oldest_seconds')).toBeGreaterThan(28 * 86_400);
  expect(await metric('sv_audit_head_sequence')).toBeUndefined();
});

test('an end of the chain that went back, and all seals with it, is seen from outside of the database', async () => {
  await log.addRows('a', log.monthsAgo(2), 20);
  const { options, metric, lines } = worker();
  const sealer = startSealer(options);
  onTestFinished(() => sealer.stop());
  await expect.poll(() => metric('sv_audit_head_sequence')).toBe(20);
  // Everything is sealed anew, the forged row with it, and nothing in the log shows it.
  await log.sql('begin');
  await log.sql("delete from audit.audit_logs where id in ('a1', 'a2')");
  await log.sql("update audit.audit_logs set user_id = 'forged', sequence = null, hash = null");
  await log.sql("update audit.chain_head set sequence = 0, hash = '', signature = null");
  await log.sql('commit');
  await expect
    .poll(() => lines.find(({ msg }) => msg === 'the end of the audit chain went back'))
    .toMatchObject({ level: 50, from: 20, to: expect.any(Number) });
  await expect.poll(() => metric('sv_audit_head_sequence')).toBe(18);
  expect((await log.verify()).verification.isIntact).toBe(true);
});

test('partitions are made ahead and dropped by retention, once among several workers', async () => {
  await log.addRows('a', log.monthsAgo(4), 10);
  await log.addRows('b', log.monthsAgo(3), 10);
  await log.seal();
  const next = log.monthsAgo(-3).toISOString().slice(0, 7).replace('-', '_');
  await log.sql(`drop table audit.audit_logs_${next}`);
  const workers = [worker(), worker()];
  expect(await workers[0]?.metric('sv_audit_partitions_until_timestamp_seconds')).toBeUndefined();
  for (const { options } of workers) await keepPartitions({ ...options, retentionMonths: 3 });
  for (const { metric } of workers) {
    expect(await metric('sv_audit_partitions_until_timestamp_seconds')).toBe(
      log.monthsAgo(-4).getTime() / 1000,
    );
    expect(await metric('sv_audit_partitions_overdue')).toBe(0);
  }
  expect(workers[1]?.lines).toEqual([]);
  expect(workers[0]?.lines.map(({ msg }) => msg)).toEqual([
    'partitions of the audit log made',
    'partitions of the audit log dropped',
  ]);
  expect((await log.verify()).verification).toMatchObject({ isIntact: true, rows: 10 });
});

test('a partition that has to stay is counted, and said why', async () => {
  await log.addRows('a', log.monthsAgo(4), 10);
  const { options, metric, lines } = worker();
  await keepPartitions({ ...options, retentionMonths: 1 });
  expect(await metric('sv_audit_partitions_overdue')).toBe(1);
  expect(lines).toMatchObject([{ refusal: expect.stringContaining('has rows that are not sealed') }]);
});

test('a month that cannot be made is seen before it is needed', async () => {
  await log.sql('revoke execute on function audit.create_partitions(date, integer) from sv_app');
  const { options, metric } = worker();
  await expect(keepPartitions({ ...options, retentionMonths: 0 })).rejects.toThrow();
  expect(await metric('sv_audit_partitions_until_timestamp_seconds')).toBe(
    log.monthsAgo(-4).getTime() / 1000,
  );
});

test('retention 0 drops nothing', async () => {
  await log.addRows('a', log.monthsAgo(40), 1);
  await log.seal();
  const { options, metric } = worker();
  await keepPartitions({ ...options, retentionMonths: 0 });
  expect(await metric('sv_audit_partitions_overdue')).toBe(0);
  expect((await log.verify()).verification).toMatchObject({ isIntact: true, rows: 1 });
});

test('a sealer outlives a database that is away for a while', async () => {
  const away = createDatabase({
    primaryUrl: log.server.pooledUrl.replace(log.server.name, 'no_such_database'),
    poolMin: 0,
    poolMax: 1,
    logger: pino({ level: 'silent' }),
    registry: new Registry(),
  });
  onTestFinished(() => away.close());
  const { options, lines } = worker(away);
  const sealer = startSealer(options);
  await expect.poll(() => lines.some(({ failures }) => failures === 2)).toBe(true);
  await sealer.stop();
});
