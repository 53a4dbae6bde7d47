import type { Sample } from '@sv-sdk/scaling';

export interface Change {
  readonly from: number;
  readonly to: number;
  /** At the latest: when it was first seen. */
  readonly atSeconds: number;
}

/**
 * The last change of the number that runs, whoever made it: an autoscaler, a person, a deploy. What ran is in Prometheus,
 * as the autoscaler told it at every scrape, so there is nothing to remember. A change that Prometheus has not seen yet,
 * because whoever made it was killed just then, counts as made now.
 */
export function lastChange(
  history: readonly Sample[],
  running: number,
  nowSeconds: number,
): Change | undefined {
  const samples = history
    .filter(({ value }) => !Number.isNaN(value))
    .toSorted((a, b) => a.atSeconds - b.atSeconds);
  let sinceSeconds = nowSeconds;
  for (const { atSeconds, value } of samples.toReversed()) {
    if (value !== running) return { from: value, to: running, atSeconds: sinceSeconds };
    sinceSeconds = atSeconds;
  }
  return undefined;
}
