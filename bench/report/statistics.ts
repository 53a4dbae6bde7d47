import { max, median, min } from 'simple-statistics';
import type { Discarded, Figure, Told, Unit } from '../figures.ts';

/** The rounds of one contender in one measure. */
export interface Result {
  readonly measure: string;
  readonly contender: string;
  readonly unit: Unit;
  readonly rounds: number;
  readonly discarded: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Whether so few rounds are left that a median says nothing. */
export const MIN_ROUNDS = 3;

export function summarise(told: readonly Told[]): Result[] {
  const figures = told.filter((one): one is Figure => one.kind === 'figure');
  const discarded = told.filter((one): one is Discarded => one.kind === 'discarded');
  const groups = Map.groupBy(figures, ({ measure, contender, unit }) =>
    JSON.stringify([measure, contender, unit]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { measure, contender, unit } = first;
    const values = group.map(({ value }) => value);
    return {
      measure,
      contender,
      unit,
      rounds: values.length,
      discarded: discarded.filter((one) => one.measure === measure && one.contender === contender).length,
      median: median(values),
      min: min(values),
      max: max(values),
    };
  });
}

/** The median that is asked for; undefined where it was not measured. */
export type Medians = (measure: string, contender: string, unit: Unit) => number | undefined;

export function mediansOf(results: readonly Result[]): Medians {
  return (measure, contender, unit) =>
    results.find((one) => one.measure === measure && one.contender === contender && one.unit === unit)
      ?.median;
}

/** One over the other; undefined where either is missing. */
export function ratio(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined || other === 0 ? undefined : one / other;
}

/** How much less one is than the other, in percent of that; undefined where either is missing. */
export function lossPercent(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : (100 * (other - one)) / other;
}

/**
 * The last step of a rising load that holds, as long as every step before holds too: a later one that happens to hold
 * is beyond the knee all the same.
 */
export function kneeOf<Step extends { readonly holds: boolean }>(steps: readonly Step[]): Step | undefined {
  const firstMissed = steps.findIndex(({ holds }) => !holds);
  return firstMissed === -1 ? steps.at(-1) : steps[firstMissed - 1];
}
