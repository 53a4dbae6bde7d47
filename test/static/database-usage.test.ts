/** infra/postgres/usage.sh: what a node writes of its control group, in both of the kernel's forms. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../harness/run.ts';

/** The file that is written, without what is the same in all; or nothing. */
async function usageWith(files: Record<string, string>): Promise<string[] | undefined> {
  const root = mkdtempSync(join(tmpdir(), 'sv-usage-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const [cgroup, usage] = [join(root, 'cgroup'), join(root, 'usage')];
  for (const folder of [cgroup, usage]) mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(cgroup, name)), { recursive: true });
    writeFileSync(join(cgroup, name), `${content}\n`);
  }
  const script = 'set -eu; node=postgres; . infra/postgres/usage.sh; (write_usage) || :';
  const result = await run('sh', ['-c', script], { environment: { CGROUP_PATH: cgroup, USAGE_PATH: usage } });
  expect(result.exitCode, result.output).toBe(0);
  const [written, ...others] = readdirSync(usage);
  expect(others).toEqual([]);
  if (written === undefined) return undefined;
  expect(written).toBe('usage-postgres.prom');
  return readFileSync(join(usage, written), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('sv_') && !line.startsWith('sv_database_usage_timestamp_seconds'))
    .map((line) => line.replace('{node="postgres"}', ''));
}

test('version 2: CPU and memory with their limits', async () => {
  expect(
    await usageWith({
      'cpu.stat': 'usage_usec 12345678\nuser_usec 1\nsystem_usec 2',
      'cpu.max': '150000 100000',
      'memory.max': '1073741824',
      'memory.stat': 'anon 100\nfile 5000\nkernel 7\nshmem 30',
    }),
  ).toEqual([
    'sv_database_cpu_seconds_total 12.345',
    'sv_database_cpu_limit_cores 1.500',
    'sv_database_memory_used_bytes 130',
    'sv_database_memory_limit_bytes 1073741824',
  ]);
});

test('version 1: the same', async () => {
  expect(
    await usageWith({
      'cpuacct/cpuacct.usage': '12345678901',
      'cpu/cpu.cfs_quota_us': '200000',
      'cpu/cpu.cfs_period_us': '100000',
      'memory/memory.limit_in_bytes': '1073741824',
      'memory/memory.stat': 'cache 5000\nrss 100\nshmem 30\ninactive_file 9',
    }),
  ).toEqual([
    'sv_database_cpu_seconds_total 12.345',
    'sv_database_cpu_limit_cores 2.000',
    'sv_database_memory_used_bytes 130',
    'sv_database_memory_limit_bytes 1073741824',
  ]);
});

test('without limits there is none to be near to', async () => {
  const unlimited = {
    2: {
      'cpu.stat': 'usage_usec 1000000',
      'cpu.max': 'max 100000',
      'memory.max': 'max',
      'memory.stat': 'anon 1\nshmem 1',
    },
    1: {
      'cpuacct/cpuacct.usage': '1000000000',
      'cpu/cpu.cfs_quota_us': '-1',
      'cpu/cpu.cfs_period_us': '100000',
      'memory/memory.limit_in_bytes': '9223372036854771712',
      'memory/memory.stat': 'rss 1\nshmem 1',
    },
  };
  for (const files of Object.values(unlimited)) {
    expect(await usageWith(files)).toEqual([
      'sv_database_cpu_seconds_total 1.000',
      'sv_database_memory_used_bytes 2',
    ]);
  }
});

test('a kernel that shows nothing, or a part, writes nothing and ends nothing', async () => {
  expect(await usageWith({})).toBeUndefined();
  expect(await usageWith({ 'cpu.stat': 'usage_usec 1' })).toBeUndefined();
});
