import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../harness/run.ts';

test('the formatter and linter find nothing', async () => {
  const result = await run('pnpm', ['exec', 'biome', 'ci', '--colors=off', '.']);
  expect(result.exitCode, result.output).toBe(0);
});

test('the types hold', async () => {
  const result = await run('pnpm', ['exec', 'tsc', '--noEmit'], { timeoutSeconds: 170 });
  expect(result.exitCode, result.output).toBe(0);
});

test('shellcheck finds nothing in any shell script', async () => {
  const scripts = ['.ci/run', ...globSync('infra/**/*.sh')];
  expect(scripts.length).toBeGreaterThan(5);
  const result = await run('shellcheck', ['--external-sources', ...scripts]);
  expect(result.exitCode, result.output).toBe(0);
});
