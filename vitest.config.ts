import { defineConfig } from 'vitest/config';

const everywhere = ['apps/**', 'bench/**', 'infra/grafana/**', 'packages/**'];

const onAStack = {
  globalSetup: ['test/e2e/global-setup.ts'],
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 900_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './test/harness/counting-reporter.ts'],
    // A test that hangs is a failure with a name, not a run that never ends.
    testTimeout: 20_000,
    // `expect.poll` looks again and again; vitest's own patience is one second, which a busy machine can take for one look.
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 120_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: everywhere.map((place) => `${place}/*.test.ts`),
          exclude: ['**/node_modules/**', '**/*.integration.test.ts'],
        },
      },
      { test: { name: 'static', include: ['test/static/*.test.ts'], testTimeout: 180_000 } },
      {
        // Real Postgres, PgBouncer and Redis from the stack's own images; each test has its own database.
        test: {
          name: 'integration',
          include: everywhere.map((place) => `${place}/*.integration.test.ts`),
          exclude: ['**/node_modules/**'],
          globalSetup: [
            'packages/db/src/testing/global-setup.ts',
            'packages/cache/src/testing/global-setup.ts',
          ],
          sequence: { groupOrder: 1 },
          // They mostly wait for their servers: two at once also on two cores, where vitest's own choice is one.
          maxWorkers: 2,
          testTimeout: 60_000,
        },
      },
      // A whole stack of its own, one file after another.
      {
        test: { name: 'e2e', include: ['test/e2e/*.e2e.test.ts'], ...onAStack, sequence: { groupOrder: 2 } },
      },
      // Of the same kind, and too long for every change: `make test-long`.
      {
        test: {
          name: 'long',
          include: ['test/e2e/*.long.test.ts'],
          ...onAStack,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
