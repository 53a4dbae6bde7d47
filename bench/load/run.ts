/** What a run of either generator comes to. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** What is asked, and what a right answer is. */
export interface Ask {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Of a body with status 200. Cheap: it runs for each answer, on the cores that are measured. */
  readonly isExpected: (body: string) => boolean;
}

export interface Run {
  readonly perSecond: number;
  readonly latency: Latency;
  /** Why the run counts for nothing: an answer was not as expected, or none came. */
  readonly fault: string | undefined;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** For the plot: the time within which each share of the requests was answered. */
  readonly distribution: readonly { readonly percentile: number; readonly ms: number }[];
}

const DRAWN_PERCENTILES = [1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9];

export interface Recorder {
  record(ms: number): void;
  latency(): Latency;
}

/** In microseconds, by Node's own histogram: three digits, and no list of a million numbers. */
export function createRecorder(): Recorder {
  const histogram: RecordableHistogram = createHistogram();
  const at = (percentile: number) => histogram.percentile(percentile) / 1000;
  return {
    record: (ms) => histogram.record(Math.max(1, Math.round(ms * 1000))),
    latency: () => ({
      p50Ms: at(50),
      p95Ms: at(95),
      p99Ms: at(99),
      maxMs: histogram.max / 1000,
      distribution: DRAWN_PERCENTILES.map((percentile) => ({ percentile, ms: at(percentile) })),
    }),
  };
}

/** As many rows as a page of the list has; every view of a user has one of these fields. */
export const hasUsers = (count: number) => (body: string) =>
  body.split('"emailVerified":').length === count + 1;
