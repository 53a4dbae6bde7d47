/** A day of synthetic load in seconds: the number follows it, and nothing flaps. */
import { loadConfig } from '@sv-sdk/config';
import { RULE_SETTINGS, rulesFrom, type ServiceName, type ServiceRules } from '@sv-sdk/scaling';
import { describe, expect, test } from 'vitest';
import {
  appModel,
  type Day,
  randomFrom,
  type SimulationOptions,
  STEP_SECONDS,
  simulate,
  workerModel,
} from './testing/simulation.ts';

const HOUR = 3600;
const rulesOf = (service: ServiceName, settings: Record<string, string> = {}): ServiceRules => {
  const rules = rulesFrom(loadConfig(RULE_SETTINGS, settings)).find((one) => one.service === service);
  if (rules === undefined) throw new Error(`no rules of ${service}`);
  return rules;
};

/** Nights of 5 % and a peak at two in the afternoon. */
const dailyCurve = (peak: number) => (seconds: number) =>
  peak * (0.05 + 0.95 * Math.max(0, Math.sin(((seconds / HOUR - 8) / 12) * Math.PI)) ** 1.5);

function describeDay(name: string, day: Day): string {
  const ups = day.actions.filter(({ decision }) => decision.direction === 'up').length;
  return `${name}: ${ups} up, ${day.actions.length - ups} down, ${reversals(day).length} reversals, ${Math.min(...day.running)} to ${Math.max(...day.running)} instances, ${day.kills} kills`;
}

/** Seconds between an action and the next one in the other direction. */
function reversals({ actions }: Day): number[] {
  return actions.flatMap(({ seconds, decision }, index) => {
    const next = actions[index + 1];
    return next === undefined || next.decision.direction === decision.direction
      ? []
      : [next.seconds - seconds];
  });
}

/** What holds on every day, whatever comes. */
function expectOrder(day: Day, rules: ServiceRules): void {
  for (const [index, { seconds, decision }] of day.actions.entries()) {
    expect(decision.to).toBeGreaterThanOrEqual(rules.min);
    expect(decision.to).toBeLessThanOrEqual(rules.max);
    const isUp = decision.direction === 'up';
    expect(decision.to - decision.from).toBeLessThanOrEqual(rules.upStep);
    if (!isUp) expect(decision.from - decision.to).toBe(1);
    const previous = day.actions[index - 1];
    if (previous === undefined || decision.reason === 'below_min') continue;
    const cooldownSeconds = isUp ? rules.upCooldownSeconds : rules.downCooldownSeconds;
    expect(seconds - previous.seconds, `${seconds} s: ${decision.because}`).toBeGreaterThanOrEqual(
      cooldownSeconds,
    );
  }
}

const shareOf = <T>(all: readonly T[], isSo: (one: T) => boolean) => all.filter(isSo).length / all.length;

describe('apps, over a day', () => {
  const rules = rulesOf('app');
  const run = (
    about: Partial<SimulationOptions> & { load: (seconds: number) => number; noise?: number; seed?: number },
  ) => {
    const random = randomFrom(about.seed ?? 1);
    const noise = about.noise ?? 0;
    return simulate({
      rules,
      hours: 24,
      first: 2,
      random,
      model: appModel({
        requestsPerSecond: about.load,
        capacityPerSecond: 100,
        noise: () => 1 + noise * (2 * random() - 1),
      }),
      ...about,
    });
  };

  test('the number follows the daily curve up and down once, within its limits', () => {
    const day = run({ load: dailyCurve(900) });
    console.info(describeDay('daily curve', day));
    expectOrder(day, rules);
    // Up to the minimum at once, up with the morning, down with the evening.
    expect(reversals(day).length).toBeLessThanOrEqual(2);
    expect(Math.max(...day.running)).toBeGreaterThanOrEqual(10);
    expect(day.running.at(-1)).toBeLessThan(8);
    expect(shareOf(day.figures, ({ response = 0 }) => response > 0.5)).toBeLessThan(0.01);
  });

  test('noise of 30 % around every threshold makes nothing flap, and neither do kills at random', () => {
    for (const [index, level] of [0.28, 0.3, 0.32, 0.5, 0.65, 0.7, 0.75].entries()) {
      const day = run({
        load: () => 600 * level,
        noise: 0.3,
        seed: index + 7,
        first: 6,
        killChance: 0.05,
        hours: 12,
      });
      console.info(describeDay(`steady at ${Math.round(level * 100)} % of six apps`, day));
      expectOrder(day, rules);
      expect(reversals(day).length).toBeLessThanOrEqual(1);
    }
  });

  test('a curve with noise while the autoscaler is killed every few minutes turns as seldom as without', () => {
    const day = run({ load: dailyCurve(900), noise: 0.25, killChance: 0.1, seed: 3 });
    console.info(describeDay('noisy curve, killed', day));
    expectOrder(day, rules);
    expect(day.kills).toBeGreaterThan(300);
    expect(reversals(day).length).toBeLessThanOrEqual(4);
    expect(shareOf(day.figures, ({ response = 0 }) => response > 0.5)).toBeLessThan(0.02);
  });

  test('a spike of three times the load is caught up with, and given back afterwards', () => {
    const spike = (seconds: number) => (seconds > 10 * HOUR && seconds < 12 * HOUR ? 750 : 150);
    const day = run({ load: spike });
    console.info(describeDay('spike', day));
    expectOrder(day, rules);
    expect(reversals(day).length).toBeLessThanOrEqual(2);
    const at = (hours: number) => day.running[Math.round((hours * HOUR) / STEP_SECONDS)] ?? 0;
    expect(at(11.5)).toBeGreaterThanOrEqual(8);
    expect(day.figures[(11.5 * HOUR) / STEP_SECONDS]?.cpu).toBeLessThan(0.95);
    expect(at(23.9)).toBeLessThanOrEqual(5);
  });

  test('spikes of a minute call for nothing', () => {
    const day = run({ load: (seconds) => (seconds % 1800 < 60 ? 900 : 120) });
    expectOrder(day, rules);
    expect(day.actions.map(({ decision }) => decision.reason)).toEqual(['below_min']);
  });

  test('a load that comes and goes with the period of the cool-downs turns no faster than they allow', () => {
    for (const minutes of [5, 10, 15, 20, 30]) {
      const day = run({
        load: (seconds) => (seconds % (minutes * 120) < minutes * 60 ? 500 : 30),
        hours: 12,
      });
      console.info(describeDay(`square wave of ${minutes} min`, day));
      expectOrder(day, rules);
      expect(Math.min(...reversals(day), Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(
        rules.upCooldownSeconds,
      );
    }
  });

  test('under a ceiling the number stays there, says so, and nothing is taken away for it', () => {
    const day = run({
      load: dailyCurve(1500),
      ceilings: () => [{ limit: 'memory', instances: 7, why: 'no more fits' }],
    });
    expectOrder(day, rules);
    expect(Math.max(...day.running)).toBe(7);
    expect(day.reasons.get('ceiling_memory')).toBeGreaterThan(100);
  });

  test("a person's number is where it goes on from, and comes back within the limits", () => {
    const day = run({
      load: () => 250,
      byHand: [
        { seconds: 4 * HOUR, instances: 8 },
        { seconds: 12 * HOUR, instances: 1 },
        { seconds: 16 * HOUR, instances: 30 },
      ],
    });
    console.info(describeDay('by hand', day));
    const at = (hours: number) => day.running[Math.round((hours * HOUR) / STEP_SECONDS)] ?? 0;
    // 31 % CPU: nobody takes them away again.
    expect(at(11.9)).toBe(8);
    expect(at(12.05)).toBeGreaterThanOrEqual(3);
    expect(at(16.1)).toBe(30);
    expect(at(20)).toBeLessThanOrEqual(20);
  });
});

describe('workers, over a day', () => {
  const rules = rulesOf('worker');
  const run = (about: Partial<SimulationOptions> & { load: (seconds: number) => number; seed?: number }) =>
    simulate({
      rules,
      hours: 24,
      first: 2,
      random: randomFrom(about.seed ?? 1),
      model: workerModel({ emailsPerSecond: about.load, sendsPerSecond: 20, concurrency: 5 }),
      ...about,
    });

  test('bursts of 100,000 emails are worked off by many, who then leave one by one', () => {
    const burst = (seconds: number) =>
      seconds % (6 * HOUR) >= HOUR && seconds % (6 * HOUR) < HOUR + 60 ? 1667 : 1;
    const day = run({ load: burst });
    console.info(describeDay('bursts', day));
    expectOrder(day, rules);
    // Up for each of the four, and down after it.
    expect(reversals(day).length).toBeLessThanOrEqual(8);
    expect(Math.max(...day.running)).toBeGreaterThanOrEqual(20);
    expect(day.figures.at(-1)?.depth).toBeLessThan(100);
  });

  test('a steady load that needs six workers has six, and not five and six in turn', () => {
    for (const [seed, load] of [90, 100, 110, 119].entries()) {
      const day = run({ load: () => load, killChance: 0.05, seed });
      console.info(describeDay(`steady ${load} emails a second`, day));
      expectOrder(day, rules);
      expect(reversals(day).length).toBeLessThanOrEqual(1);
    }
  });

  test('a daily curve of newsletters and quiet is followed once', () => {
    const day = run({ load: dailyCurve(400), killChance: 0.05, seed: 5 });
    console.info(describeDay('daily curve', day));
    expectOrder(day, rules);
    expect(reversals(day).length).toBeLessThanOrEqual(4);
    expect(Math.max(...day.running)).toBeGreaterThanOrEqual(20);
  });
});

test.for([
  ['app', 300, 600],
  ['worker', 60, 300],
] as const)(
  'the rules of %s are the guide’s, by the default settings',
  ([service, upSeconds, downSeconds]) => {
    const rules = rulesOf(service);
    const limits = (of: ServiceRules['up']) =>
      of.map(({ figure, is, threshold }) => [figure.name, is, threshold]);
    expect({ min: rules.min, max: rules.max, up: limits(rules.up), down: limits(rules.down) }).toEqual(
      service === 'app'
        ? {
            min: 3,
            max: 20,
            up: [
              ['cpu', 'above', 0.7],
              ['response', 'above', 0.5],
            ],
            down: [
              ['cpu', 'below', 0.3],
              ['response', 'below', 0.2],
            ],
          }
        : {
            min: 2,
            max: 50,
            up: [
              ['depth', 'above', 1000],
              ['wait', 'above', 60],
            ],
            down: [['depth', 'below', 100]],
          },
    );
    expect([rules.upSeconds, rules.downSeconds]).toEqual([upSeconds, downSeconds]);
  },
);
