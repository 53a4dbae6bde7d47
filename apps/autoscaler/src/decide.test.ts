import { loadConfig } from '@sv-sdk/config';
import { RULE_SETTINGS, rulesFrom, type ServiceRules } from '@sv-sdk/scaling';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decision, decide, type Situation } from './decide.ts';

const NOW = 100_000;
const [app, worker] = rulesFrom(loadConfig(RULE_SETTINGS, {})) as [ServiceRules, ServiceRules];
const flat = (value: number, seconds = 700) =>
  Array.from({ length: seconds / 10 }, (_, index) => ({ atSeconds: NOW - 5 - 10 * index, value }));

const idle = { cpu: 0.1, response: 0.05, depth: 0, wait: 0, busy: 0 };
/** A quiet service, as far as `given` does not say otherwise. */
function situation(
  figures: Partial<typeof idle> = {},
  given: Partial<Omit<Situation, 'instances'>> & {
    running?: number;
    starting?: number;
    unhealthy?: number;
  } = {},
): Situation {
  const { running = 5, starting = 0, unhealthy = 0, ...rest } = given;
  return {
    nowSeconds: NOW,
    instances: { running, starting, unhealthy, isMixed: false },
    samples: Object.fromEntries(
      Object.entries({ ...idle, ...figures }).map(([name, value]) => [name, flat(value)]),
    ),
    history: flat(running),
    ceilings: [],
    ...rest,
  };
}
const brief = ({ direction, to, reason }: Decision) => [direction, to, reason];
/** It changed so long ago from another number. */
const changed = (running: number, from: number, agoSeconds: number) => [
  { atSeconds: NOW - agoSeconds - 10, value: from },
  { atSeconds: NOW - agoSeconds, value: running },
  { atSeconds: NOW - 5, value: running },
];

describe('up', () => {
  test('apps: CPU above 70 % for 5 minutes, by as many as would bring it down, two at the most', () => {
    expect(brief(decide(app, situation({ cpu: 0.71 })))).toEqual(['up', 6, 'cpu']);
    expect(brief(decide(app, situation({ cpu: 0.95 })))).toEqual(['up', 7, 'cpu']);
    expect(brief(decide(app, situation({ cpu: 1 }, { running: 10 })))).toEqual(['up', 12, 'cpu']);
  });

  test('apps: or response time above 500 ms for 5 minutes, by one', () => {
    expect(brief(decide(app, situation({ response: 0.51 })))).toEqual(['up', 6, 'response']);
  });

  test('workers: more than 1,000 emails for each, by as many as are due, five at the most', () => {
    expect(brief(decide(worker, situation({ depth: 1001 })))).toEqual(['up', 6, 'depth']);
    expect(brief(decide(worker, situation({ depth: 1500 })))).toEqual(['up', 8, 'depth']);
    expect(brief(decide(worker, situation({ depth: 20_000 })))).toEqual(['up', 10, 'depth']);
  });

  test('workers: or a wait of more than 60 s', () => {
    expect(brief(decide(worker, situation({ wait: 61 })))).toEqual(['up', 6, 'wait']);
  });

  test('the reason is told with its figures, and every other that holds', () => {
    const { because } = decide(app, situation({ cpu: 0.82, response: 0.7 }));
    expect(because).toContain('CPU of the apps, average has been above 70 % for 300 s (82 % at the least)');
    expect(because).toContain('response time, p95 has been above 500 ms for 300 s (700 ms at the least)');
  });

  test('not before it has lasted: 5 minutes with one sample below are none', () => {
    const cpu = flat(0.9).map((one, index) => (index === 20 ? { ...one, value: 0.69 } : one));
    const given = situation();
    expect(brief(decide(app, { ...given, samples: { ...given.samples, cpu } }))).toEqual([
      'hold',
      5,
      'steady',
    ]);
  });

  test('one figure that calls is enough, also while another is unknown', () => {
    const given = situation({ cpu: 0.9 });
    expect(brief(decide(app, { ...given, samples: { ...given.samples, response: [] } }))).toEqual([
      'up',
      7,
      'cpu',
    ]);
  });

  test('not while one is starting, nor within the cool-down after any change', () => {
    expect(brief(decide(app, situation({ cpu: 0.9 }, { starting: 1 })))).toEqual(['hold', 5, 'starting']);
    for (const from of [4, 6]) {
      const recent = situation({ cpu: 0.9 }, { history: changed(5, from, 179) });
      expect(brief(decide(app, recent))).toEqual(['hold', 5, 'cooldown']);
      const older = situation({ cpu: 0.9 }, { history: changed(5, from, 181) });
      expect(brief(decide(app, older))).toEqual(['up', 7, 'cpu']);
    }
  });

  test('not where more would only wait for the same', () => {
    const paused = situation({ depth: 5000 }, { blocked: 'the queue is paused' });
    expect(brief(decide(worker, paused))).toEqual(['hold', 5, 'blocked']);
  });
});

describe('down', () => {
  test('apps: CPU below 30 % for 10 minutes and response time below 200 ms, by one', () => {
    expect(brief(decide(app, situation({ cpu: 0.29, response: 0.19 })))).toEqual(['down', 4, 'idle']);
    expect(brief(decide(app, situation({ cpu: 0.3 })))).toEqual(['hold', 5, 'steady']);
    expect(brief(decide(app, situation({ response: 0.2 })))).toEqual(['hold', 5, 'steady']);
  });

  test('workers: fewer than 100 emails for each, by one', () => {
    expect(brief(decide(worker, situation({ depth: 99 })))).toEqual(['down', 4, 'idle']);
    expect(brief(decide(worker, situation({ depth: 100 })))).toEqual(['hold', 5, 'steady']);
  });

  test('not where the others would be too busy for it: the next step would be up again', () => {
    // Five workers with 3.3 of 5 in work each: four would have 4.1, more than 80 %.
    expect(brief(decide(worker, situation({ busy: 3.3 })))).toEqual(['hold', 5, 'still_needed']);
    expect(brief(decide(worker, situation({ busy: 3.1 })))).toEqual(['down', 4, 'idle']);
  });

  test('not while any figure is unknown, and it says which', () => {
    for (const name of ['cpu', 'response'] as const) {
      const given = situation();
      const decision = decide(app, { ...given, samples: { ...given.samples, [name]: [] } });
      expect(brief(decision)).toEqual(['hold', 5, 'no_figures']);
      expect(decision.because).toContain('there is no figure');
    }
  });

  test('not while one calls for more already, but not for long enough', () => {
    const given = situation();
    const wait = [...flat(0).slice(1), { atSeconds: NOW - 5, value: 90 }];
    expect(brief(decide(worker, { ...given, samples: { ...given.samples, wait } }))).toEqual([
      'hold',
      5,
      'steady',
    ]);
  });

  test('not while one is unhealthy or starting: who hangs uses no CPU', () => {
    expect(brief(decide(app, situation({}, { unhealthy: 1 })))).toEqual(['hold', 5, 'unhealthy']);
    expect(brief(decide(app, situation({}, { starting: 1 })))).toEqual(['hold', 5, 'starting']);
  });

  test('not within the cool-down after any change', () => {
    const recent = situation({}, { history: changed(5, 4, 599) });
    expect(brief(decide(app, recent))).toEqual(['hold', 5, 'cooldown']);
    const older = situation({}, { history: changed(5, 4, 601) });
    expect(brief(decide(app, older))).toEqual(['down', 4, 'idle']);
  });

  test('never below the least', () => {
    expect(brief(decide(app, situation({}, { running: 3 })))).toEqual(['hold', 3, 'steady']);
  });
});

describe('limits', () => {
  test('below the least it goes up at once, whatever the figures say or the cool-down', () => {
    const given = situation({}, { running: 2, history: changed(2, 5, 20) });
    expect(brief(decide(app, { ...given, samples: {} }))).toEqual(['up', 3, 'below_min']);
  });

  test('above the most it goes down by one after the other', () => {
    expect(brief(decide(app, situation({ cpu: 0.9 }, { running: 25 })))).toEqual(['down', 24, 'above_max']);
    const recent = situation({}, { running: 24, history: changed(24, 25, 30) });
    expect(brief(decide(app, recent))).toEqual(['hold', 24, 'cooldown']);
  });

  test.for(['memory', 'cpu', 'pools'] as const)('the ceiling of %s stops it, and is the reason', (limit) => {
    const at = (instances: number) =>
      decide(app, situation({ cpu: 0.95 }, { ceilings: [{ limit, instances, why: 'so it is' }] }));
    expect(at(5)).toMatchObject({ direction: 'hold', to: 5, wanted: 7, reason: `ceiling_${limit}` });
    expect(at(5).because).toContain('so it is');
    expect(at(3)).toMatchObject({ direction: 'hold', to: 5, wanted: 7 });
    expect(at(6)).toMatchObject({ direction: 'up', to: 6, wanted: 7, reason: 'cpu' });
    expect(at(6).because).toContain('no more than 6, as so it is');
  });

  test('so does the most that the settings allow', () => {
    const decision = decide(app, situation({ cpu: 0.95 }, { running: 20 }));
    expect(decision).toMatchObject({ direction: 'hold', to: 20, wanted: 22, reason: 'ceiling_max' });
  });

  test('where it is unknown what the host has left, nothing is added', () => {
    const decision = decide(app, situation({ cpu: 0.95 }, { ceilings: undefined }));
    expect(brief(decision)).toEqual(['hold', 5, 'no_figures']);
  });
});

test('nothing is decided where none runs, or two versions do', () => {
  expect(brief(decide(app, situation({}, { running: 0 })))).toEqual(['hold', 0, 'absent']);
  const given = situation({ cpu: 0.9 });
  const mixed = { ...given, instances: { ...given.instances, isMixed: true } };
  expect(brief(decide(app, mixed))).toEqual(['hold', 5, 'mixed']);
});

test('whatever is measured: in bounds, one down, a bounded step up, never against a cool-down or a ceiling', () => {
  const series = fc.oneof(
    fc.constant([]),
    fc.double({ min: 0, max: 2, noNaN: true }).map((value) => flat(value)),
    fc.array(
      fc.record({
        atSeconds: fc.integer({ min: NOW - 700, max: NOW }),
        value: fc.oneof(fc.double({ min: 0, max: 3000 }), fc.constant(Number.NaN)),
      }),
      { maxLength: 80 },
    ),
  );
  const anySituation = fc.record({
    nowSeconds: fc.constant(NOW),
    instances: fc.record({
      running: fc.integer({ min: 0, max: 60 }),
      starting: fc.integer({ min: 0, max: 2 }),
      unhealthy: fc.integer({ min: 0, max: 2 }),
      isMixed: fc.boolean(),
    }),
    samples: fc.record({ cpu: series, response: series, depth: series, wait: series, busy: series }),
    history: fc.array(
      fc.record({
        atSeconds: fc.integer({ min: NOW - 700, max: NOW }),
        value: fc.integer({ min: 0, max: 60 }),
      }),
      { maxLength: 10 },
    ),
    ceilings: fc.option(
      fc.array(
        fc.record({
          limit: fc.constantFrom('memory' as const, 'cpu' as const, 'pools' as const),
          instances: fc.integer({ min: 0, max: 60 }),
          why: fc.constant('so it is'),
        }),
        { maxLength: 3 },
      ),
      { nil: undefined },
    ),
  });
  fc.assert(
    fc.property(fc.constantFrom(app, worker), anySituation, (rules, given) => {
      const { direction, from, to, wanted } = decide(rules, given);
      const { running, starting, unhealthy, isMixed } = given.instances;
      expect(from).toBe(running);
      if (direction === 'hold') {
        expect(to).toBe(from);
        return;
      }
      expect(isMixed || running === 0).toBe(false);
      expect(starting).toBe(0);
      if (direction === 'down') {
        expect([to, unhealthy]).toEqual([from - 1, 0]);
        expect(to).toBeGreaterThanOrEqual(rules.min);
        return;
      }
      expect(to).toBeGreaterThan(from);
      expect(to).toBeLessThanOrEqual(Math.min(from + rules.upStep, wanted, rules.max));
      for (const { instances } of given.ceilings ?? []) expect(to).toBeLessThanOrEqual(instances);
      expect(given.ceilings).toBeDefined();
    }),
    // Shrinking hundreds of samples takes minutes; the first counterexample says enough.
    { numRuns: 1000, endOnFailure: true },
  );
});
