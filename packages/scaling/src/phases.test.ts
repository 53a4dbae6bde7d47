import { expect, test } from 'vitest';
import { phaseOfUsers, phaseOfWhatRuns } from './phases.ts';

test.for([
  [0, 1],
  [999, 1],
  [1_000, 2],
  [9_999, 2],
  [10_000, 3],
  [99_999, 3],
  [100_000, 4],
  [5_000_000, 4],
] as const)('%i users are phase %i', ([users, phase]) => {
  expect(phaseOfUsers(users).number).toBe(phase);
});

test.for([
  [{ apps: 1, workers: 1, replicas: 0 }, 1],
  [{ apps: 2, workers: 2, replicas: 1 }, 1],
  [{ apps: 3, workers: 2, replicas: 1 }, 1],
  [{ apps: 3, workers: 3, replicas: 1 }, 2],
  [{ apps: 10, workers: 20, replicas: 1 }, 2],
  [{ apps: 5, workers: 5, replicas: 2 }, 3],
  [{ apps: 10, workers: 20, replicas: 2 }, 4],
] as const)('%o runs as phase %i, no larger than its smallest part', ([running, phase]) => {
  expect(phaseOfWhatRuns(running).number).toBe(phase);
});
