/** Has a figure been beyond a limit for so long? Asked of the samples as Prometheus stored them. */

export interface Sample {
  readonly atSeconds: number;
  readonly value: number;
}

export interface Limit {
  readonly is: 'above' | 'below';
  readonly threshold: number;
}

/**
 * `value`: where it holds, the one that came nearest to not holding; else the newest. `unknown` is no answer and is
 * never to be taken for one.
 */
export type Finding =
  | { readonly state: 'holds'; readonly value: number }
  | { readonly state: 'fails'; readonly value: number }
  | { readonly state: 'unknown'; readonly why: string };

/**
 * Prometheus evaluates its rules every 10 s. Three that are missing in a row (Prometheus was restarted, the machine
 * hung) leave the time between unseen; the newest that is older than that says nothing of now.
 */
export const MAX_GAP_SECONDS = 45;
/** The first sample within a window lies up to an interval after its beginning, and rules are evaluated late at times. */
const BEGIN_SLACK_SECONDS = 15;

/** Whether every sample of the last `forSeconds` is beyond the limit, and there are enough of them to say so. */
export function hasHeld(
  samples: readonly Sample[],
  limit: Limit,
  window: { readonly nowSeconds: number; readonly forSeconds: number },
): Finding {
  const { nowSeconds, forSeconds } = window;
  const within = samples
    .filter(({ atSeconds }) => atSeconds >= nowSeconds - forSeconds)
    .toSorted((a, b) => a.atSeconds - b.atSeconds);
  const newest = within.at(-1);
  if (newest === undefined) return { state: 'unknown', why: 'there is no figure' };
  const ageSeconds = nowSeconds - newest.atSeconds;
  if (ageSeconds > MAX_GAP_SECONDS)
    return { state: 'unknown', why: `the newest figure is ${Math.round(ageSeconds)} s old` };
  if (within.some(({ value }) => Number.isNaN(value)))
    return { state: 'unknown', why: 'a figure is not a number' };
  // One that is not beyond the limit decides, whatever else is missing.
  if (within.some(({ value }) => !isBeyond(value, limit))) return { state: 'fails', value: newest.value };
  const gap = unseenSeconds(within, window);
  if (gap !== undefined) return { state: 'unknown', why: gap };
  const values = within.map(({ value }) => value);
  return { state: 'holds', value: limit.is === 'above' ? Math.min(...values) : Math.max(...values) };
}

export function isBeyond(value: number, limit: Limit): boolean {
  return limit.is === 'above' ? value > limit.threshold : value < limit.threshold;
}

function unseenSeconds(
  within: readonly Sample[],
  window: { nowSeconds: number; forSeconds: number },
): string | undefined {
  const coveredSeconds = window.nowSeconds - (within[0]?.atSeconds ?? window.nowSeconds);
  if (coveredSeconds < window.forSeconds - BEGIN_SLACK_SECONDS)
    return `the figures reach back ${Math.round(coveredSeconds)} of ${window.forSeconds} s`;
  for (const [index, { atSeconds }] of within.entries()) {
    const next = within[index + 1]?.atSeconds ?? window.nowSeconds;
    if (next - atSeconds > MAX_GAP_SECONDS)
      return `${Math.round(next - atSeconds)} s of the figures are missing`;
  }
  return undefined;
}
