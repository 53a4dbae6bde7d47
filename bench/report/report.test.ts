import { expect, test } from 'vitest';
import { type Figure, PLOTS, type Told } from '../figures.ts';
import { GOALS, LIST_AT_KEEP_ALIVE, verdictOf } from './goals.ts';
import { drawSvg, linesOf } from './plots.ts';
import { type BenchRecord, type Measured, renewed } from './record.ts';
import { renderReport } from './render.ts';
import { kneeOf, lossPercent, mediansOf, ratio, summarise } from './statistics.ts';
import { figure, goalTable, guideTable, resultTables, table } from './tables.ts';

const told = (contender: string, ...values: number[]): Figure[] =>
  values.map((value) => ({
    kind: 'figure',
    measure: 'list users, one instance',
    contender,
    unit: 'per second',
    value,
  }));

test('the rounds of a contender become their median and their range; what was thrown away is only counted', () => {
  const discarded: Told = {
    kind: 'discarded',
    measure: 'list users, one instance',
    contender: 'platform',
    why: '1 not 2xx',
  };
  expect(summarise([...told('platform', 300, 100, 250), discarded, ...told('express-pg', 120, 100)])).toEqual(
    [
      {
        measure: 'list users, one instance',
        contender: 'platform',
        unit: 'per second',
        rounds: 3,
        discarded: 1,
        median: 250,
        min: 100,
        max: 300,
      },
      {
        measure: 'list users, one instance',
        contender: 'express-pg',
        unit: 'per second',
        rounds: 2,
        discarded: 0,
        median: 110,
        min: 100,
        max: 120,
      },
    ],
  );
});

test('a ratio with something missing is missing, and never a number', () => {
  expect(ratio(3, 2)).toBe(1.5);
  expect(ratio(undefined, 2)).toBeUndefined();
  expect(ratio(3, undefined)).toBeUndefined();
  expect(ratio(3, 0)).toBeUndefined();
});

test('a loss is what is missing of the whole; what is gained is below zero', () => {
  expect(lossPercent(90, 120)).toBe(25);
  expect(lossPercent(150, 120)).toBe(-25);
  expect(lossPercent(undefined, 120)).toBeUndefined();
});

test('the knee is the last step before the first that bends, whatever later ones do', () => {
  const steps = (...holds: boolean[]) => holds.map((one, index) => ({ rate: index + 1, holds: one }));
  expect(kneeOf(steps(true, true, false, true))?.rate).toBe(2);
  expect(kneeOf(steps(true, true))?.rate).toBe(2);
  expect(kneeOf(steps(false, true))).toBeUndefined();
});

test('a goal is reached at its bound, missed beyond it, and not measured without a figure', () => {
  const atLeast = { name: '', unit: '×', atLeast: 2, measured: () => undefined } as const;
  const atMost = { name: '', unit: 'ms', atMost: 20, measured: () => undefined } as const;
  expect([2, 1.99, undefined].map((value) => verdictOf(atLeast, value))).toEqual([
    'reached',
    'missed',
    'not measured',
  ]);
  expect([20, 20.1, Number.NaN].map((value) => verdictOf(atMost, value))).toEqual([
    'reached',
    'missed',
    'not measured',
  ]);
});

test('every goal says "not measured" where nothing was', () => {
  const medians = mediansOf([]);
  expect(GOALS.map((goal) => verdictOf(goal, goal.measured(medians)))).toEqual(
    GOALS.map(() => 'not measured'),
  );
  expect(goalTable(medians).split('\n')).toHaveLength(GOALS.length + 2);
});

test('the cost of TLS is what the list loses by it, of the same measure', () => {
  const figures = told('HTTP/1.1', 500, 500, 500).concat(told('HTTP/2 over TLS', 450, 460, 440));
  const results = summarise(figures.map((one) => ({ ...one, measure: LIST_AT_KEEP_ALIVE })));
  expect(goalTable(mediansOf(results))).toContain('at keep-alive | ≤ 10.0 % | 10.0 % | reached |');
});

test('the first goal is the ratio of the medians of the same run', () => {
  const results = summarise([...told('platform', 190, 200, 210), ...told('express-pg', 101, 100, 99)]);
  expect(GOALS[0]?.measured(mediansOf(results))).toBe(2);
  expect(goalTable(mediansOf(results))).toContain(
    '| GET /api/v1/users over bare Express + pg | ≥ 2.00 × | 2.00 × | reached |',
  );
});

test("the guide's table has its five rows and its targets", () => {
  expect(guideTable(mediansOf([])).split('\n').slice(2)).toEqual([
    '| API Latency (p95) | < 100ms | not measured |',
    '| Database Query (p95) | < 50ms | not measured |',
    '| Permission Check (cached) | < 5ms | not measured |',
    '| Email Queue Throughput | > 100/sec | not measured |',
    '| Cache Hit Rate | > 80% | not measured |',
  ]);
});

test('a figure has three digits that count', () => {
  expect([0, 0.03141, 0.5, 1.234, 12.34, 123.4, 1234.5].map(figure)).toEqual([
    '0',
    '0.0314',
    '0.500',
    '1.23',
    '12.3',
    '123',
    '1,235',
  ]);
});

test('tables are Markdown, one section a measure', () => {
  expect(table(['', 'unit'], [['a', 'ms']])).toBe('|  | unit |\n| --- | --- |\n| a | ms |');
  expect(resultTables(summarise(told('platform', 1, 2, 3)))).toBe(
    '### list users, one instance\n\n|  | unit | median | range | rounds |\n| --- | --- | --- | --- | --- |\n' +
      '| platform | per second | 2.00 | 1.00 to 3.00 | 3 |',
  );
});

test('points of the same place are rounds: a line goes through their median, from left to right', () => {
  const point = (line: string, x: number, y: number): Told => ({
    kind: 'point',
    plot: 'scaling',
    line,
    x,
    y,
  });
  const points = [
    point('a', 2, 30),
    point('a', 1, 10),
    point('a', 1, 30),
    point('a', 1, 20),
    point('b', 1, 5),
  ];
  expect(linesOf(points, 'scaling')).toEqual([
    {
      name: 'a',
      points: [
        [1, 20],
        [2, 30],
      ],
    },
    { name: 'b', points: [[1, 5]] },
  ]);
  expect(linesOf(points, 'latency')).toEqual([]);
});

test.for(PLOTS)('the plot %s is an SVG with the names of its lines', (plot) => {
  const svg = drawSvg(plot, [
    {
      name: 'the platform',
      points: [
        [1000, 1.5],
        [1_000_000, 2],
      ],
    },
  ]);
  expect(svg).toMatch(/^<svg [\s\S]*<\/svg>$/);
  expect(svg).toContain('the platform');
});

const measured = (name: string, ...figures: readonly Told[]): Measured => ({
  name,
  command: `node bench/${name}.ts`,
  date: '2026-11-26',
  commit: '0123456789ab',
  told: figures,
});

const recordOf = (...measurements: readonly Measured[]): BenchRecord => ({
  isQuick: true,
  machine: { rows: [['processor', '2 × of this test']], steadiness: 'p50 0.30, p99 0.31 ms' },
  measurements,
});

test('the report says what it ran on, by which commands, what is missing, and how few rounds there were', () => {
  const record = recordOf(measured('list'), { ...measured('email'), failure: 'email ended with 1' });
  const report = renderReport({
    ...record,
    results: summarise([...told('platform', 190, 200), ...told('express-pg', 101, 100, 99)]),
    plots: [{ title: 'Latency distribution', path: 'report-figures/latency.svg' }],
  });
  for (const part of [
    'Made by `make bench-quick`; not to be edited.',
    '| processor | 2 × of this test |',
    '| the same arithmetic, again and again, nothing else running | p50 0.30, p99 0.31 ms |',
    '| list | `node bench/list.ts` | 2026-11-26 | 0123456789ab |',
    '**Not measured:** email ended with 1.',
    'Fewer than 3 rounds: list users, one instance (platform).',
    '| Cache Hit Rate | > 80% | not measured |',
    '![Latency distribution](report-figures/latency.svg)',
  ]) {
    expect(report).toContain(part);
  }
});

test('a measurement that is made again takes its own place, in a report of the same machine and as long rounds', () => {
  const names = ['list', 'email', 'memory'];
  const kept = recordOf(measured('list', ...told('platform', 1)), measured('email', ...told('platform', 2)));
  const again = measured('list', ...told('platform', 3));
  const fresh = recordOf(measured('memory'), again);
  expect(renewed(kept, fresh, names).measurements).toEqual([again, kept.measurements[1], measured('memory')]);
  expect(renewed(undefined, fresh, names)).toBe(fresh);
  expect(renewed({ ...kept, isQuick: false }, fresh, names)).toBe(fresh);
  const elsewhere = { ...kept.machine, rows: [['processor', '4 × of another']] as const };
  expect(renewed({ ...kept, machine: elsewhere }, fresh, names)).toBe(fresh);
  const lessSteady = { ...kept.machine, steadiness: 'p50 0.30, p99 9.00 ms' };
  expect(renewed({ ...kept, machine: lessSteady }, fresh, names).measurements).toHaveLength(3);
});
