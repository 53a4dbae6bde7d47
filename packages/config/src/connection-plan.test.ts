import { describe, expect, test } from 'vitest';
import { type ConnectionNeeds, connectionPlan, excessOf } from './connection-plan.ts';

const GIB = 1024 ** 3;

/** A machine of 2 cores as it comes out of the box. */
const needs = (changes: Partial<ConnectionNeeds> = {}): ConnectionNeeds => ({
  cores: 2,
  memoryBytes: 4 * GIB,
  postgresCpus: 2,
  postgresMemoryBytes: GIB,
  sharedBuffersBytes: 128 * 1024 ** 2,
  spindles: 1,
  replicas: 1,
  appInstances: 2,
  workerInstances: 2,
  isPooled: true,
  chosen: {},
  ...changes,
});

const big = { cores: 64, postgresCpus: 64, memoryBytes: 256 * GIB, postgresMemoryBytes: 64 * GIB };

describe('the pool', () => {
  test.each([
    ['2 cores', {}, 5],
    ['1 core', { cores: 1 }, 3],
    ['8 cores of which Postgres may use 2', { cores: 8 }, 5],
    ['8 cores, all for Postgres', { cores: 8, postgresCpus: 8 }, 17],
    ['half a core', { postgresCpus: 0.5 }, 2],
    ['4 disks that seek', { spindles: 4 }, 8],
    ['64 cores', big, 129],
  ])('is (cores × 2) + spindles: %s', (_name, changes, poolSize) => {
    expect(connectionPlan(needs(changes))).toMatchObject({ poolSize, poolSizeFrom: 'formula' });
  });

  test('is no larger than the memory of the server can bear with all pools on it, nor of the machine', () => {
    // (1024 - 128 - 128) MiB / 16 MiB = 48 connections, for sv and sv_ro.
    expect(connectionPlan(needs({ cores: 64, postgresCpus: 64, memoryBytes: 256 * GIB }))).toMatchObject({
      poolSize: 24,
      poolSizeFrom: 'memory',
    });
    expect(connectionPlan(needs({ ...big, memoryBytes: GIB })).poolSize).toBe(24);
    expect(connectionPlan(needs({ ...big, memoryBytes: GIB, replicas: 2 })).poolSize).toBe(16);
    expect(connectionPlan(needs({ postgresMemoryBytes: GIB / 8 })).poolSize).toBe(1);
  });

  test('is what a person has chosen, whatever the formula says', () => {
    expect(connectionPlan(needs({ chosen: { poolSize: 20 } }))).toMatchObject({
      poolSize: 20,
      poolSizeFrom: 'choice',
    });
  });

  test('can be filled by one process alone', () => {
    expect(connectionPlan(needs()).dbPoolMax).toBe(10);
    expect(connectionPlan(needs(big)).dbPoolMax).toBe(129);
    expect(connectionPlan(needs({ ...big, chosen: { dbPoolMax: 7 } })).dbPoolMax).toBe(7);
  });
});

describe('what is computed', () => {
  test.each([
    ['a small host', {}],
    ['a big host', big],
    ['a chosen pool', { chosen: { poolSize: 300 } }],
    ['two replicas', { replicas: 2, cores: 16, postgresCpus: 16, postgresMemoryBytes: 4 * GIB }],
    ['no replica', { replicas: 0 }],
    ['phase 4 of the guide', { appInstances: 100, workerInstances: 200 }],
  ])('fits by itself, below the 80 % that raise an alert: %s', (_name, changes) => {
    const plan = connectionPlan(needs(changes));
    expect(excessOf(plan, { isPooled: true })).toEqual([]);
    expect(plan.postgres.total).toBeLessThanOrEqual(0.8 * plan.maxConnections);
    expect(plan.pgbouncer.total).toBeLessThanOrEqual(0.8 * plan.maxClientConnections);
  });

  test('counts everybody who connects to a server, whose pools may all end up on one', () => {
    const { postgres } = connectionPlan(needs({ replicas: 2, chosen: { poolSize: 10 } }));
    expect(postgres.uses.map(({ most }) => most)).toEqual([10, 20, 2, 3, 4, 3, 5, 3]);
    expect(postgres.total).toBe(50);
    // Without a replica, sv_ro leads to the primary.
    expect(connectionPlan(needs({ replicas: 0, chosen: { poolSize: 10 } })).postgres.total).toBe(40);
  });

  test('counts the pools of every app and every worker as clients', () => {
    const { pgbouncer } = connectionPlan(needs({ appInstances: 5, workerInstances: 10 }));
    expect(pgbouncer.uses.map(({ most }) => most)).toEqual([5 * (10 + 10 + 1), 10 * 10, 10]);
  });

  test('stays as it is when instances come and go, so that nothing is restarted for them', () => {
    const sizes = (appInstances: number) => {
      const { poolSize, dbPoolMax, maxConnections, maxClientConnections } = connectionPlan(
        needs({ appInstances }),
      );
      return { poolSize, dbPoolMax, maxConnections, maxClientConnections };
    };
    expect(sizes(20)).toEqual(sizes(1));
  });
});

describe('a plan that does not fit', () => {
  test('is told with who needs how many, and what is allowed', () => {
    const plan = connectionPlan(needs({ chosen: { poolSize: 60, maxConnections: 100 } }));
    expect(excessOf(plan, { isPooled: true })).toEqual([
      { budget: plan.postgres, allowed: 100, setting: 'POSTGRES_MAX_CONNECTIONS' },
    ]);
    expect(plan.postgres.total).toBe(140);
  });

  test('is found at the first connection too many, and not before', () => {
    const fits = (maxConnections: number) =>
      excessOf(connectionPlan(needs({ chosen: { poolSize: 10, maxConnections } })), { isPooled: true })
        .length === 0;
    expect(fits(40)).toBe(true);
    expect(fits(39)).toBe(false);
  });

  test('may be one of clients', () => {
    const plan = connectionPlan(needs({ appInstances: 40, chosen: { maxClientConnections: 500 } }));
    expect(excessOf(plan, { isPooled: true })).toMatchObject([
      { allowed: 500, setting: 'PGBOUNCER_MAX_CLIENT_CONN' },
    ]);
  });

  test('is judged by what the server itself allows, where that can be asked', () => {
    const plan = connectionPlan(needs({ chosen: { poolSize: 20 } }));
    expect(excessOf(plan, { isPooled: true }, plan.postgres.total)).toEqual([]);
    expect(excessOf(plan, { isPooled: true }, plan.postgres.total - 1)).toHaveLength(1);
  });

  test('without a PgBouncer between is what all processes may open together', () => {
    const direct = needs({ isPooled: false, appInstances: 5, workerInstances: 10 });
    const plan = connectionPlan(direct);
    expect(plan.postgres.total).toBe(5 * 10 + 10 * 10 + 18);
    // A server elsewhere has to be asked.
    expect(excessOf(plan, direct)).toEqual([]);
    expect(excessOf(plan, direct, 100)).toMatchObject([{ allowed: 100 }]);
  });
});
