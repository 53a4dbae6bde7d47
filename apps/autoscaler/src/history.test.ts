import { expect, test } from 'vitest';
import { lastChange } from './history.ts';

const history = (...values: [number, number][]) => values.map(([atSeconds, value]) => ({ atSeconds, value }));

test('the last change is where the number that runs was first seen', () => {
  const seen = history([100, 2], [110, 2], [120, 3], [130, 3], [140, 3]);
  expect(lastChange(seen, 3, 145)).toEqual({ from: 2, to: 3, atSeconds: 120 });
});

test('a change that Prometheus has not seen counts as made now: the autoscaler was killed right after it', () => {
  expect(lastChange(history([100, 2], [110, 2]), 4, 118)).toEqual({ from: 2, to: 4, atSeconds: 118 });
});

test('a change while no autoscaler told of it counts from when one did again', () => {
  const seen = history([100, 5], [110, 5], [400, 3], [410, 3]);
  expect(lastChange(seen, 3, 415)).toEqual({ from: 5, to: 3, atSeconds: 400 });
});

test('there is none where the number has always been the same, or nobody told', () => {
  expect(lastChange(history([100, 3], [110, 3]), 3, 115)).toBeUndefined();
  expect(lastChange([], 3, 115)).toBeUndefined();
});
