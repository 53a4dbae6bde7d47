import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PhaseNumber, planPhase } from './phase-plan.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const host = (cores: number, gibibytes: number) => ({ cores, memoryBytes: gibibytes * GIB });
const NUMBERS = [1, 2, 3] as const;

test.for([
  [1, 1, undefined],
  [2, 2.7, undefined],
  // What is sold as 3 GiB, and the least that `make up` accepts.
  [2, 2.85, 1],
  [2, 4, 1],
  // The figures of docs/operations/scaling.md.
  [2, 2.8, 1],
  [2, 4.8, 2],
  [2, 9.4, 3],
  [2, 6, 2],
  [4, 8, 2],
  [8, 16, 3],
  [2, 23.5, 3],
  [64, 512, 3],
] as const)('the largest phase on %i cores and %d GiB is %s', ([cores, gibibytes, largest]) => {
  const fitting = NUMBERS.filter((number) => planPhase(number, host(cores, gibibytes)).fits);
  expect(fitting.at(-1)).toBe(largest);
});

describe("the guide's numbers", () => {
  test.for([
    [1, 64, 2, 2, 2],
    [2, 2, 3, 3, 2],
    [2, 8, 4, 4, 2],
    [2, 64, 5, 5, 2],
    [3, 4, 5, 5, 3],
    [3, 16, 8, 8, 3],
    [3, 64, 10, 10, 3],
  ] as const)('phase %i on %i cores has %i apps, %i workers and %i database nodes', (row) => {
    const [number, cores, appInstances, workerInstances, databaseNodes] = row;
    expect(planPhase(number, host(cores, 512))).toMatchObject({
      appInstances,
      workerInstances,
      databaseNodes,
      hasRedisCluster: number === 3,
      postgresCpus: cores,
    });
  });

  test.for([
    [1, 2],
    [2, 4],
    [3, 8],
  ] as const)(
    "phase %i on a host with plenty gives a database node what the guide's class of machine has: %i GiB",
    ([number, gibibytes]) => {
      expect(planPhase(number, host(64, 512))).toMatchObject({
        postgresMemoryBytes: gibibytes * GIB,
        sharedBuffersBytes: (gibibytes * GIB) / 4,
      });
    },
  );
});

test('on any host a plan fits if it says so, wastes no more than one step of each size, and more memory never gives less', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...NUMBERS),
      fc.integer({ min: 1, max: 128 }),
      fc.integer({ min: 512, max: 256 * 1024 }),
      fc.integer({ min: 0, max: 64 * 1024 }),
      (number, cores, mebibytes, more) => {
        const plan = planPhase(number, { cores, memoryBytes: mebibytes * MIB });
        const total = plan.memory.reduce((sum, { containers, eachBytes }) => sum + containers * eachBytes, 0);
        expect(plan.memoryTotalBytes).toBe(total);
        expect(plan.fits).toBe(total <= plan.memoryAllowedBytes);
        expect(plan.sharedBuffersBytes).toBeLessThan(plan.postgresMemoryBytes / 2);
        const isAtItsMost = plan.postgresMemoryBytes >= 2 ** number * GIB;
        const unused = plan.memoryAllowedBytes - total;
        if (plan.fits && !isAtItsMost) expect(unused).toBeLessThan(512 * MIB);
        const larger = planPhase(number, { cores, memoryBytes: (mebibytes + more) * MIB });
        expect(larger.postgresMemoryBytes).toBeGreaterThanOrEqual(plan.postgresMemoryBytes);
        if (plan.fits) expect(larger.fits).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

describe('what a person has chosen', () => {
  test('goes before what is computed, and the rest shares what it leaves', () => {
    const plan = planPhase(2, host(4, 8), { postgresMemoryBytes: 1024 * MIB, appInstances: 7 });
    expect(plan).toMatchObject({ postgresMemoryBytes: 1024 * MIB, appInstances: 7, fits: true });
    expect(plan.redisMaxBytes).toBeGreaterThan(planPhase(2, host(4, 8), { appInstances: 7 }).redisMaxBytes);
  });

  test('makes a phase too large that would fit without it', () => {
    expect(planPhase(1, host(2, 4)).fits).toBe(true);
    expect(planPhase(1, host(2, 4), { postgresMemoryBytes: 2 * GIB }).fits).toBe(false);
    expect(planPhase(1, host(2, 4), { hasRedisCluster: true }).fits).toBe(true);
    expect(planPhase(1, host(2, 4), { hasRedisCluster: true, redisClusterMemoryBytes: GIB }).fits).toBe(
      false,
    );
  });

  test('servers elsewhere take no memory here, and a cluster is for what is here', () => {
    const whoOf = (number: PhaseNumber, choices: object) =>
      planPhase(number, host(8, 32), choices).memory.map(({ who }) => who);
    expect(whoOf(3, { isDatabaseElsewhere: true })).not.toContain('database nodes');
    expect(whoOf(3, { isCacheElsewhere: true })).toContain('nodes of the Redis Cluster');
    expect(whoOf(3, { isCacheElsewhere: true, isQueueElsewhere: true })).not.toContain(
      'nodes of the Redis Cluster',
    );
    expect(whoOf(1, { isCacheElsewhere: true })).toEqual([
      'apps',
      'workers',
      'database nodes',
      'queue',
      'everything around them',
    ]);
  });

  test('a second replica that stands in the settings counts in every phase', () => {
    expect(planPhase(1, host(8, 32), { hasSecondReplica: true }).databaseNodes).toBe(3);
  });
});
