/**
 * A day of a service under the autoscaler's own decisions, in discrete time: load comes, instances work on it, start late
 * and leave, Prometheus stores a figure every 10 s, an autoscaler decides every 15 s and is killed at random. It
 * remembers nothing, so being killed means only that it decides later and that Prometheus has a gap in what ran.
 */
import type { Sample, ServiceRules } from '@sv-sdk/scaling';
import type { Ceiling } from '../budget.ts';
import { type Decision, decide, type Situation } from '../decide.ts';

export const STEP_SECONDS = 5;
const SCRAPE_SECONDS = 10;
const ROUND_SECONDS = 15;
/** Until an instance is healthy, and until a killed autoscaler decides again. */
const START_SECONDS = 15;
const RESTART_SECONDS = 20;
/** The figures are averages of a minute. */
const AVERAGE_STEPS = 60 / STEP_SECONDS;

export type Measured = Readonly<Partial<Record<keyof Situation['samples'], number>>>;

/** What the instances do in one step, and what can be measured of it. */
export interface Model {
  step(about: { seconds: number; ready: number }): Measured;
}

export interface Action {
  readonly seconds: number;
  readonly decision: Decision;
}

export interface Day {
  readonly actions: readonly Action[];
  readonly reasons: ReadonlyMap<string, number>;
  readonly kills: number;
  /** By step. */
  readonly running: readonly number[];
  readonly figures: readonly Measured[];
}

export interface SimulationOptions {
  readonly rules: ServiceRules;
  readonly model: Model;
  readonly hours: number;
  readonly first: number;
  readonly ceilings?: (running: number) => readonly Ceiling[];
  /** How likely the autoscaler is killed in a round. */
  readonly killChance?: number;
  /** What a person does: so many run from that second on. */
  readonly byHand?: readonly { readonly seconds: number; readonly instances: number }[];
  readonly random: () => number;
}

export function simulate(options: SimulationOptions): Day {
  const { rules, model, random, ceilings = () => [], killChance = 0 } = options;
  let bornSeconds = Array.from({ length: options.first }, () => Number.NEGATIVE_INFINITY);
  const samples: Record<string, Sample[]> = {};
  let history: Sample[] = [];
  const recent: Measured[] = [];
  const day = {
    actions: [] as Action[],
    reasons: new Map<string, number>(),
    kills: 0,
    running: [] as number[],
    figures: [] as Measured[],
  };
  let deadUntilSeconds = 0;
  const keepSeconds = Math.max(rules.upSeconds, rules.downSeconds, rules.downCooldownSeconds) + 60;

  for (let seconds = 0; seconds < options.hours * 3600; seconds += STEP_SECONDS) {
    for (const { instances } of (options.byHand ?? []).filter((one) => one.seconds === seconds))
      bornSeconds = resize(bornSeconds, instances, seconds);
    const running = bornSeconds.length;
    const ready = bornSeconds.filter((born) => seconds - born >= START_SECONDS).length;
    const figures = model.step({ seconds, ready });
    recent.push(figures);
    if (recent.length > AVERAGE_STEPS) recent.shift();
    day.running.push(running);
    day.figures.push(figures);

    const isAlive = seconds >= deadUntilSeconds;
    if (seconds % SCRAPE_SECONDS === 0) {
      for (const name of Object.keys(figures) as (keyof typeof figures)[]) {
        const values = recent.map((one) => one[name] ?? 0);
        const value = values.reduce((a, b) => a + b) / values.length;
        samples[name] = keepNewest(samples[name] ?? [], { atSeconds: seconds, value }, keepSeconds);
      }
      if (isAlive) history = keepNewest(history, { atSeconds: seconds, value: running }, keepSeconds);
    }
    if (seconds % ROUND_SECONDS !== 0 || !isAlive) continue;
    const decision = decide(rules, {
      nowSeconds: seconds,
      instances: { running, starting: running - ready, unhealthy: 0, isMixed: false },
      samples,
      history,
      ceilings: ceilings(running),
    });
    day.reasons.set(decision.reason, (day.reasons.get(decision.reason) ?? 0) + 1);
    if (decision.direction !== 'hold') {
      bornSeconds = resize(bornSeconds, decision.to, seconds);
      day.actions.push({ seconds, decision });
    }
    // Also right after it has acted, before Prometheus has seen what it did.
    if (random() < killChance) {
      day.kills += 1;
      deadUntilSeconds = seconds + RESTART_SECONDS;
    }
  }
  return day;
}

function resize(born: readonly number[], instances: number, seconds: number): number[] {
  const added = Math.max(0, instances - born.length);
  return [...born.slice(0, instances), ...Array.from({ length: added }, () => seconds)];
}

function keepNewest(samples: Sample[], sample: Sample, seconds: number): Sample[] {
  samples.push(sample);
  if ((samples[0]?.atSeconds ?? 0) <= sample.atSeconds - seconds) samples.shift();
  return samples;
}

/** Apps: requests share the ready ones; an app does so many a second, and answers more slowly the busier it is. */
export function appModel(options: {
  readonly requestsPerSecond: (seconds: number) => number;
  readonly capacityPerSecond: number;
  readonly noise: () => number;
}): Model {
  return {
    step({ seconds, ready }) {
      const load = options.requestsPerSecond(seconds) * options.noise();
      const offered = ready === 0 ? 1.5 : load / (ready * options.capacityPerSecond);
      const cpu = Math.min(1, offered);
      // 25 ms of an idle app, in the form of an M/M/1; past its capacity it queues up to what nginx sheds.
      const response = offered < 0.99 ? 0.025 / (1 - offered) : 2.5;
      return { cpu, response };
    },
  };
}

/** Workers: one queue; a worker sends so many a second, as many at once as its concurrency. */
export function workerModel(options: {
  readonly emailsPerSecond: (seconds: number) => number;
  readonly sendsPerSecond: number;
  readonly concurrency: number;
}): Model {
  let queued = 0;
  return {
    step({ seconds, ready }) {
      const arrived = options.emailsPerSecond(seconds) * STEP_SECONDS;
      const capacity = ready * options.sendsPerSecond * STEP_SECONDS;
      const sent = Math.min(queued + arrived, capacity);
      queued += arrived - sent;
      const busy = capacity === 0 ? options.concurrency : (options.concurrency * sent) / capacity;
      const wait = ready === 0 ? 0 : queued / (ready * options.sendsPerSecond);
      return { depth: ready === 0 ? queued : queued / ready, wait, busy };
    },
  };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
