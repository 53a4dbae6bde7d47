import { expect, test } from 'vitest';
import { sampleSuccesses } from './sample-successes.ts';

/** Of requests at these moments, in milliseconds: how many each line stands for. */
function linesOf(linesPerSecond: number, moments: readonly number[]): number[] {
  let now = 0;
  const sample = sampleSuccesses(linesPerSecond, () => now);
  return moments.flatMap((moment) => {
    now = moment;
    return sample() || [];
  });
}

/** A second's requests, `seconds` long. */
const evenly = (perSecond: number, seconds: number) =>
  Array.from({ length: perSecond * seconds }, (_, index) => (index * 1000) / perSecond);

test('below the limit every request has its line', () => {
  expect(linesOf(50, evenly(50, 10))).toEqual(Array(500).fill(1));
});

test('above it there are as many lines as the limit allows, and together they stand for every request', () => {
  const lines = linesOf(50, evenly(1000, 60));
  // The first second's, which were saved up, beside those of 60 s.
  expect(lines.length).toBeGreaterThan(50 * 59);
  expect(lines.length).toBeLessThanOrEqual(50 * 61);
  const stoodFor = lines.reduce((sum, line) => sum + line, 0);
  expect(stoodFor).toBeGreaterThan(60_000 - 1000 / 50);
  expect(stoodFor).toBeLessThanOrEqual(60_000);
});

test('a burst out of silence has no more lines than a second may have', () => {
  expect(linesOf(50, Array(10_000).fill(60_000))).toHaveLength(50);
});

test('0 leaves out none', () => {
  expect(linesOf(0, Array(10_000).fill(0))).toHaveLength(10_000);
});
