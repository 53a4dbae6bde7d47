import { expect, test } from 'vitest';
import { type BudgetSettings, ceilingsOf, type Host, type Load } from './budget.ts';

const MIB = 1024 ** 2;
const settings: BudgetSettings = {
  memoryMaxRatio: 0.8,
  cpuMaxRatio: 0.9,
  poolMaxRatio: 0.8,
  connections: { app: 20, worker: 10, others: 10 },
};
const host: Host = {
  memoryTotalBytes: 10_000 * MIB,
  memoryAvailableBytes: 6_000 * MIB,
  cpuRatio: 0.4,
  connectionsMax: 2000,
};
const app: Load = { service: 'app', running: 4, memoryLimitBytes: 300 * MIB, residentBytes: 400 * MIB };
const worker: Load = { service: 'worker', running: 2, memoryLimitBytes: 300 * MIB, residentBytes: 200 * MIB };

const ceilings = (
  of: 'app' | 'worker',
  loads: Load[],
  on: Partial<Host> = {},
  by: Partial<BudgetSettings> = {},
) =>
  Object.fromEntries(
    ceilingsOf(of, loads, { ...host, ...on }, { ...settings, ...by }).map(({ limit, instances }) => [
      limit,
      instances,
    ]),
  );

test('memory: what is available, without what is kept free and what the running ones may still take', () => {
  // 6,000 - 2,000 kept - (4 × 300 - 400) - (2 × 300 - 200) = 2,800 MiB, nine times 300.
  expect(ceilings('app', [app, worker])['memory']).toBe(4 + 9);
  expect(ceilings('worker', [app, worker])['memory']).toBe(2 + 9);
});

test('memory: one that was just added to a service leaves less to the others', () => {
  expect(ceilings('worker', [{ ...app, running: 8 }, worker])['memory']).toBe(2 + 5);
});

test('memory: on a full host nothing is added, and nothing that runs is put in question', () => {
  expect(ceilings('app', [app, worker], { memoryAvailableBytes: 500 * MIB })['memory']).toBe(4);
});

test('memory: a container without a limit has no ceiling by it', () => {
  expect(ceilings('app', [{ ...app, memoryLimitBytes: 0 }, worker])).not.toHaveProperty('memory');
});

test('CPU: none is added on a host without an idle core, and there is no ceiling on another', () => {
  expect(ceilings('app', [app, worker], { cpuRatio: 0.91 })['cpu']).toBe(4);
  expect(ceilings('app', [app, worker], { cpuRatio: 0.9 })).not.toHaveProperty('cpu');
});

test('pools: all instances of all services, and who else connects, together stay below the share that is allowed', () => {
  // Of 2,000 there are 1,600 to give away; 10 to others. To the workers 2 × 10, and to each app 20.
  expect(ceilings('app', [app, worker])['pools']).toBe(78);
  // To the apps 4 × 20, and to each worker 10.
  expect(ceilings('worker', [app, worker])['pools']).toBe(151);
  expect(ceilings('app', [app, worker], { connectionsMax: 100 })['pools']).toBe(2);
  expect(ceilings('app', [app, worker], { connectionsMax: 10 })['pools']).toBe(0);
});
