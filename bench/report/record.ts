/** What the report is made of, measurement by measurement, so that one can be made again without all the others. */
import type { Told } from '../figures.ts';
import type { Machine } from './machine.ts';

/** One measurement, with its baselines: what is compared is always of one of these. */
export interface Measured {
  readonly name: string;
  /** By which it is run by itself. */
  readonly command: string;
  /** The day of its start: 2026-11-28. */
  readonly date: string;
  readonly commit: string;
  /** Why not all of its figures are there. */
  readonly failure?: string | undefined;
  readonly told: readonly Told[];
}

export interface BenchRecord {
  readonly isQuick: boolean;
  readonly machine: Machine;
  readonly measurements: readonly Measured[];
}

/**
 * The record that is kept, with the measurements of the fresh one in the place of its own, in the order of `names`. The
 * fresh one alone, where the other is of another machine, other versions of the servers, or of longer or shorter rounds.
 */
export function renewed(
  kept: BenchRecord | undefined,
  fresh: BenchRecord,
  names: readonly string[],
): BenchRecord {
  const isAlike =
    kept?.isQuick === fresh.isQuick &&
    JSON.stringify(kept.machine.rows) === JSON.stringify(fresh.machine.rows);
  if (kept === undefined || !isAlike) return fresh;
  const measurements = names.flatMap((name) => {
    const isIt = (one: Measured) => one.name === name;
    return fresh.measurements.find(isIt) ?? kept.measurements.find(isIt) ?? [];
  });
  return { ...fresh, measurements };
}
