import { expect, test } from 'vitest';
import { ShedRatio } from './shed-ratio.ts';

const LIMIT_MS = 200;
const ticks = (ratio: ShedRatio, count: number, delayMs: number) => {
  for (let tick = 0; tick < count; tick += 1) ratio.observe(delayMs);
};

test('nothing is turned away while the loop is in time', () => {
  const ratio = new ShedRatio(LIMIT_MS);
  ticks(ratio, 100, LIMIT_MS);
  expect(ratio.value).toBe(0);
});

test('nearly all is after a second of being late, and never all', () => {
  const ratio = new ShedRatio(LIMIT_MS);
  ticks(ratio, 10, LIMIT_MS + 1);
  expect(ratio.value).toBe(0.95);
  ticks(ratio, 100, 10_000);
  expect(ratio.value).toBe(0.95);
});

test('nothing is again within five seconds of being in time', () => {
  const ratio = new ShedRatio(LIMIT_MS);
  ticks(ratio, 20, 1000);
  ticks(ratio, 50, 0);
  expect(ratio.value).toBe(0);
});

test('one pause, of the garbage collector say, turns a tenth away for half a second', () => {
  const ratio = new ShedRatio(LIMIT_MS);
  ratio.observe(1000);
  expect(ratio.value).toBeCloseTo(0.1);
  ticks(ratio, 5, 0);
  expect(ratio.value).toBeCloseTo(0);
});

test('under three times what can be served, about a third is served and the loop stays near its limit', () => {
  const ratio = new ShedRatio(LIMIT_MS);
  const CAPACITY = 100; // requests in a tick of 100 ms
  const OFFERED = 300;
  let backlog = 0;
  const served: number[] = [];
  const delays: number[] = [];
  for (let tick = 0; tick < 600; tick += 1) {
    backlog += OFFERED * (1 - ratio.value);
    const done = Math.min(CAPACITY, backlog);
    backlog -= done;
    const delayMs = (backlog / CAPACITY) * 100;
    ratio.observe(delayMs);
    // After ten seconds.
    if (tick >= 100) {
      served.push(done);
      delays.push(delayMs);
    }
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean(served)).toBeGreaterThan(0.8 * CAPACITY);
  expect(Math.max(...delays)).toBeLessThan(4 * LIMIT_MS);
});
