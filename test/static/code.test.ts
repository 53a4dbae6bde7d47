import { globSync, readFileSync } from 'node:fs';
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

// The database has one space of numbers for them: two users of one shut each other out (housekeeping and the sealer did).
test('no two advisory locks have one number', () => {
  const locks = globSync('{apps,packages}/*/src/**/*.ts', { exclude: ['**/*.test.ts'] }).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^(?:export )?const (\w+_LOCK) = ([^;]+);$/gm)].map(
      ([, name, value]) => ({
        name,
        number: BigInt(value?.replaceAll(/['_]/g, '') ?? ''),
      }),
    ),
  );
  expect(locks.map(({ name }) => name)).toEqual(expect.arrayContaining(['SEALER_LOCK', 'HOUSEKEEPING_LOCK']));
  const numbers = locks.map(({ number }) => number);
  expect([...new Set(numbers)]).toEqual(numbers);
});
