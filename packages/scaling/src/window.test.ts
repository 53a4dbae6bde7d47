import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasHeld, isBeyond, type Limit, type Sample } from './window.ts';

const NOW = 10_000;
const above: Limit = { is: 'above', threshold: 0.7 };
/** The newest last, one every 10 s, the last of them 3 s ago. */
const samples = (values: readonly number[]): Sample[] =>
  values.map((value, index) => ({ atSeconds: NOW - 3 - 10 * (values.length - 1 - index), value }));
const ask = (of: readonly Sample[], limit = above, forSeconds = 300) =>
  hasHeld(of, limit, { nowSeconds: NOW, forSeconds });
const full = (value: number) => Array.from({ length: 30 }, () => value);

test('holds when every sample of the window is beyond the limit, with the one that came nearest to not holding', () => {
  expect(ask(samples([...full(0.9).slice(1), 0.8]))).toEqual({ state: 'holds', value: 0.8 });
  expect(ask(samples([...full(0.1).slice(1), 0.25]), { is: 'below', threshold: 0.3 })).toEqual({
    state: 'holds',
    value: 0.25,
  });
});

test('a single sample that is not beyond it is enough to fail, however much else is missing', () => {
  const once = full(0.9);
  once[10] = 0.69;
  expect(ask(samples(once))).toEqual({ state: 'fails', value: 0.9 });
  expect(ask(samples([0.6]))).toEqual({ state: 'fails', value: 0.6 });
});

test('exactly at the limit is not beyond it', () => {
  expect(isBeyond(0.7, above)).toBe(false);
  expect(isBeyond(0.3, { is: 'below', threshold: 0.3 })).toBe(false);
});

test('what lies before the window does not count', () => {
  expect(ask(samples([0.1, 0.1, ...full(0.9), 0.9]))).toMatchObject({ state: 'holds' });
});

describe('is unknown, and says why,', () => {
  test.for([
    ['without a figure', [], 'there is no figure'],
    [
      'while the figures do not reach back far enough',
      samples(full(0.9).slice(15)),
      'reach back 143 of 300 s',
    ],
    [
      'when the newest is old',
      samples(full(0.9)).map((one) => ({ ...one, atSeconds: one.atSeconds - 60 })),
      'the newest figure is 63 s old',
    ],
    ['when one is not a number', samples([...full(0.9).slice(1), Number.NaN]), 'not a number'],
    [
      'when a piece is missing in between',
      samples(full(0.9)).filter((_, index) => index < 10 || index > 15),
      '70 s of the figures are missing',
    ],
  ] as const)('%s', ([, given, why]) => {
    expect(ask(given)).toMatchObject({ state: 'unknown', why: expect.stringContaining(why) });
  });
});

test('a window that is shorter than the interval of the rules still asks for a sample of its own', () => {
  expect(ask(samples([0.9]), above, 10)).toEqual({ state: 'holds', value: 0.9 });
  expect(ask(samples([0.9, 0.9]).slice(0, 1), above, 10)).toMatchObject({ state: 'unknown' });
  expect(ask([], above, 10)).toMatchObject({ state: 'unknown' });
});

test('holds for whatever is longer only if it holds for what is shorter, in any order of the samples', () => {
  const anySample = fc.record({
    atSeconds: fc.integer({ min: NOW - 700, max: NOW }),
    value: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN)),
  });
  fc.assert(
    fc.property(
      fc.array(anySample, { maxLength: 80 }),
      fc.integer({ min: 10, max: 600 }),
      (given, seconds) => {
        const longer = ask(given, above, seconds + 60);
        const shorter = ask(given, above, seconds);
        if (longer.state === 'holds') expect(shorter.state).toBe('holds');
        expect(ask(given.toReversed(), above, seconds).state).toEqual(shorter.state);
        if (shorter.state === 'holds') expect(shorter.value).toBeGreaterThan(above.threshold);
      },
    ),
  );
});
