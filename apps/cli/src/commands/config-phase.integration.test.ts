/** The real process; it needs no server. The host is this machine, whatever that has. */
import { totalmem } from 'node:os';
import { planPhase } from '@sv-sdk/scaling';
import { expect, test } from 'vitest';
import { runSdk } from '../testing/sdk.ts';

const phase = (args: readonly string[], input = '') => runSdk(['config', 'phase', ...args], {}, input);
/** Whatever the host has, these fit into 2 GiB. */
const SMALL = 'APP_INSTANCES=1\nWORKER_INSTANCES=1\nPOSTGRES_MEMORY=256m\n';

test('--env answers with the settings file alone on standard output, and tells the rest on standard error', async () => {
  const { exitCode, stdout, stderr } = await phase(['1', '--env'], `# Mine.\n${SMALL}HTTP_PORT=3000`);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(
    /^# Mine\.\n(?:[A-Z_]+=\S+\n)+# phase 1 wrote: APP_MEMORY=320m WORKER_MEMORY=320m POSTGRES_SHARED_BUFFERS=64MB .+\n$/,
  );
  expect(stdout).toContain(`\n${SMALL}HTTP_PORT=3000\n`);
  expect(stderr).toMatch(/^Phase 1 \(small, under 1,000 users\) on \d+ cores and \d+ MiB:/);
  expect(stderr).toMatch(/database nodes +2 +256 +512\n/);
  expect(stderr).toMatch(/POSTGRES_MEMORY +256m +\d+m$/m);
  const again = await phase(['1', '--env'], stdout);
  expect(again.stdout).toBe(stdout);
  expect(again.stderr).toContain('The settings have all of it already.');
});

test('a phase that the host can not carry ends with 1, the numbers and no settings', async () => {
  const { exitCode, stdout, stderr } = await phase(['3', '--env'], 'POSTGRES_MEMORY=4t\n');
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  const allowed = Math.round(
    planPhase(3, { cores: 1, memoryBytes: totalmem() }).memoryAllowedBytes / 1024 ** 2,
  );
  expect(stderr).toMatch(/Phase 3 does not fit on this host: at the least it takes \d+ MiB of memory/);
  expect(stderr).toContain(`and ${allowed} MiB are allowed`);
});

test('settings that can not be read end with 1, and name each', async () => {
  const { exitCode, stdout, stderr } = await phase(['2', '--env'], 'APP_MEMORY=much\nWORKER_INSTANCES=0\n');
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toContain('APP_MEMORY: must be a size such as 512m or 1g');
  expect(stderr).toContain('WORKER_INSTANCES: must be a whole number from 1');
});

test('phase 4 is more than one machine: what it needs is told, and it ends with 1; any other number is wrong use', async () => {
  const fourth = await phase(['4']);
  expect(fourth).toMatchObject({ exitCode: 1, stdout: '' });
  for (const need of [
    '10 apps or more',
    '20 workers or more',
    'several zones',
    'Redis Cluster with shards',
    'CDN',
  ])
    expect(fourth.stderr).toContain(need);
  expect(await phase(['5'])).toMatchObject({ exitCode: 2, stdout: '' });
});
