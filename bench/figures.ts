/**
 * What a measurement tells the runner (run.ts), if one has started it: by messages, so that each of them can be run by
 * itself as well, and prints what it finds.
 */

export type Unit = 'per second' | 'ms' | 'µs' | '×' | '%' | 'MB';

/** One number of one round. */
export interface Figure {
  readonly kind: 'figure';
  readonly measure: string;
  /** What was measured: the platform, or which baseline. */
  readonly contender: string;
  readonly unit: Unit;
  readonly value: number;
}

/** A round that counts for nothing. */
export interface Discarded {
  readonly kind: 'discarded';
  readonly measure: string;
  readonly contender: string;
  readonly why: string;
}

export const PLOTS = ['latency', 'throughput', 'scaling', 'data-size'] as const;
export type PlotName = (typeof PLOTS)[number];

/** A point of a line in one of the report's plots. Points with the same x are rounds: their median is drawn. */
export interface Point {
  readonly kind: 'point';
  readonly plot: PlotName;
  readonly line: string;
  readonly x: number;
  readonly y: number;
}

export type Told = Figure | Discarded | Point;

export function tell(told: Told): void {
  process.send?.(told);
}

export function tellFigure(measure: string, contender: string, unit: Unit, value: number): void {
  tell({ kind: 'figure', measure, contender, unit, value });
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}
