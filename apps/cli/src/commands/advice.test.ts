import { loadConfig } from '@sv-sdk/config';
import { phases, RULE_SETTINGS, rulesFrom, triggers } from '@sv-sdk/scaling';
import { expect, test } from 'vitest';
import { adviseOn, type Platform, phaseAdvice } from './advice.ts';

const rules = rulesFrom(loadConfig(RULE_SETTINGS, {}));
const platform: Platform = {
  apps: 4,
  workers: 3,
  replicas: 1,
  cacheMaxBytes: 128 * 1024 ** 2,
  queueMaxBytes: 256 * 1024 ** 2,
  isAutoscaled: false,
};
const commands = (name: string, part: 'app' | 'worker', figure: number, threshold: number, on = platform) =>
  adviseOn({ name, part, figure, threshold }, on, rules).map(({ command }) => command);

test('every trigger and every rule has an advice', () => {
  for (const { name, part, threshold } of triggers)
    expect(adviseOn({ name, part, figure: threshold * 1.1, threshold }, platform, rules), name).toHaveLength(
      1,
    );
});

test('as many are due as bring a shared figure below its threshold, and one more where that is no measure', () => {
  expect(commands('cpuUp', 'app', 1, 0.7)).toEqual(['make scale APP=6']);
  expect(commands('responseUp', 'app', 3, 0.5)).toEqual(['make scale APP=5']);
  expect(commands('depthUp', 'worker', 3_500, 1_000)).toEqual(['make scale WORKER=11']);
  expect(commands('queueDepth', 'worker', 12_000, 10_000)).toEqual(['make scale WORKER=4']);
});

test('never more than the most; at the most there is no command', () => {
  expect(commands('cpuUp', 'app', 1, 0.7, { ...platform, apps: 18 })).toEqual(['make scale APP=20']);
  expect(commands('cpuUp', 'app', 1, 0.7, { ...platform, apps: 20 })).toEqual([undefined]);
});

test('a phase that is behind its users is told which is due, another nothing', () => {
  const [small, medium, large] = phases;
  expect(phaseAdvice({ running: small, users: large })).toMatchObject([{ command: 'make up PHASE=3' }]);
  expect(phaseAdvice({ running: medium, users: small })).toEqual([]);
  expect(phaseAdvice({ running: medium, users: undefined })).toEqual([]);
});
