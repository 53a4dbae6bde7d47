import { print, tell, tellFigure } from '../figures.ts';
import type { Latency, Run } from '../load/run.ts';

export interface Contender<R extends Run = Run> {
  readonly name: string;
  /** One round of so many seconds. */
  readonly run: (seconds: number) => Promise<R>;
}

export interface ContestOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Contenders whose latency is drawn. */
  readonly drawn?: readonly string[];
}

const WARM_UP_SHARE = 0.3;
/** An answer that should not have been is no reason to give up a measure, but three are. */
const MOST_FAULTS = 3;

/**
 * The contenders in turn, round after round, another one first each time, so that what else the machine does falls on all
 * alike. A round with an unexpected answer is thrown away, and run again. What is returned are the rounds that count.
 */
export async function contest<R extends Run>(
  measure: string,
  contenders: readonly Contender<R>[],
  { rounds, seconds, drawn = [] }: ContestOptions,
): Promise<ReadonlyMap<string, readonly R[]>> {
  const counted = new Map<string, R[]>(contenders.map(({ name }) => [name, []]));
  for (const { run } of contenders) await run(Math.max(1, Math.round(seconds * WARM_UP_SHARE)));
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of inTurn(contenders, round)) {
      const run = await faultlessRun(measure, contender, seconds);
      counted.get(contender.name)?.push(run);
      const { perSecond, latency } = run;
      tellFigure(measure, contender.name, 'per second', perSecond);
      tellFigure(`${measure}, p50`, contender.name, 'ms', latency.p50Ms);
      tellFigure(`${measure}, p99`, contender.name, 'ms', latency.p99Ms);
      if (drawn.includes(contender.name)) tellDistribution(contender.name, latency);
      print(
        `${measure}: ${contender.name.padEnd(14)} ${perSecond.toFixed(0).padStart(6)}/s, ` +
          `p50 ${latency.p50Ms.toFixed(2)}, p95 ${latency.p95Ms.toFixed(2)}, p99 ${latency.p99Ms.toFixed(2)} ms`,
      );
    }
  }
  return counted;
}

/** Another one first in each round. */
export function inTurn<T>(contenders: readonly T[], round: number): readonly T[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

export async function faultlessRun<R extends Run>(
  measure: string,
  contender: Contender<R>,
  seconds: number,
): Promise<R> {
  for (let faults = 0; ; ) {
    const run = await contender.run(seconds);
    if (run.fault === undefined) return run;
    tell({ kind: 'discarded', measure, contender: contender.name, why: run.fault });
    print(`${measure}: a round of ${contender.name} is thrown away: ${run.fault}`);
    faults += 1;
    if (faults === MOST_FAULTS) throw new Error(`${measure}, ${contender.name}: ${run.fault}`);
  }
}

export function tellDistribution(line: string, { distribution }: Latency): void {
  for (const { percentile, ms } of distribution) {
    tell({ kind: 'point', plot: 'latency', line, x: percentile, y: ms });
  }
}
