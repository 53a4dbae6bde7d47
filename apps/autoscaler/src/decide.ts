/**
 * How many instances of a service should run: from what is measured and what runs, to one decision with its reason.
 * No I/O, no clock and no memory: what it must know of the past is in the samples, so that the process may be killed at
 * any moment.
 */
import {
  type Condition,
  type Figure,
  type Finding,
  hasHeld,
  isBeyond,
  type Sample,
  type ServiceRules,
} from '@sv-sdk/scaling';
import type { Ceiling } from './budget.ts';
import { lastChange } from './history.ts';

export type Direction = 'up' | 'down' | 'hold';

/** A label of a metric, so a closed list. What follows it in the log says it with figures. */
export type Reason =
  // Up or down.
  | Figure['name']
  | 'idle'
  | 'below_min'
  | 'above_max'
  // Hold.
  | 'steady'
  | 'still_needed'
  | 'cooldown'
  | 'no_figures'
  | 'starting'
  | 'unhealthy'
  | 'mixed'
  | 'absent'
  | 'blocked'
  | `ceiling_${Ceiling['limit']}`;

export interface Instances {
  readonly running: number;
  /** Of those: not healthy yet, and not healthy any more. */
  readonly starting: number;
  readonly unhealthy: number;
  /** They differ in image or configuration: somebody deploys. */
  readonly isMixed: boolean;
}

export interface Situation {
  readonly nowSeconds: number;
  readonly instances: Instances;
  /** By the figure's name. A figure that is not there is one without samples. */
  readonly samples: Readonly<Partial<Record<Figure['name'], readonly Sample[]>>>;
  /** How many ran, as an autoscaler told Prometheus, whoever changed it. */
  readonly history: readonly Sample[];
  /** Undefined: it could not be told what the host has left. */
  readonly ceilings: readonly Ceiling[] | undefined;
  /** Why more of them would only wait for the same. */
  readonly blocked?: string | undefined;
}

export interface Decision {
  readonly direction: Direction;
  readonly from: number;
  readonly to: number;
  /** What the rules call for, before cool-downs and ceilings; as many as run where they call for nothing. */
  readonly wanted: number;
  readonly reason: Reason;
  /** For a person: the reason with its figures. */
  readonly because: string;
}

export function decide(rules: ServiceRules, situation: Situation): Decision {
  const { running, isMixed } = situation.instances;
  if (running === 0)
    return hold(situation, 'absent', 'none runs, and what there is not can not be multiplied: make up');
  if (isMixed)
    return hold(situation, 'mixed', 'instances of two versions or configurations run: a deploy is under way');
  if (running < rules.min)
    return up(rules, situation, rules.min, 'below_min', `${running} run, at least ${rules.min} should`);
  if (running > rules.max)
    return down(rules, situation, 'above_max', `${running} run, at most ${rules.max} should`);
  const call = callForMore(rules, situation);
  if (call !== undefined && situation.blocked !== undefined)
    return hold(situation, 'blocked', `${call.because}; but ${situation.blocked}`);
  if (call !== undefined) return up(rules, situation, call.wanted, call.reason, call.because);
  return considerFewer(rules, situation);
}

function hold(situation: Situation, reason: Reason, because: string, wanted?: number): Decision {
  const from = situation.instances.running;
  return { direction: 'hold', from, to: from, wanted: wanted ?? from, reason, because };
}

/** The strongest call of those that have lasted; the others are named too. */
function callForMore(rules: ServiceRules, situation: Situation) {
  const { running } = situation.instances;
  const calls = rules.up.flatMap((condition) => {
    const finding = find(condition, situation, rules.upSeconds);
    if (finding.state !== 'holds') return [];
    const { figure, threshold } = condition;
    const needed = figure.isShared ? Math.ceil((running * finding.value) / threshold) : running + 1;
    const because = `${figure.label} has been above ${say(threshold, figure)} for ${rules.upSeconds} s (${say(finding.value, figure)} at the least)`;
    // At least one more: 1.0001 times the threshold is above it, too.
    return [{ reason: figure.name, because, needed: Math.max(needed, running + 1) }];
  });
  const [strongest] = calls.toSorted((a, b) => b.needed - a.needed);
  if (strongest === undefined) return undefined;
  return {
    reason: strongest.reason,
    because: calls.map(({ because }) => because).join('; '),
    wanted: Math.min(strongest.needed, running + rules.upStep),
  };
}

function up(
  rules: ServiceRules,
  situation: Situation,
  called: number,
  reason: Reason,
  because: string,
): Decision {
  const { running, starting } = situation.instances;
  const wanted = Math.min(called, running + rules.upStep);
  const stay = (why: Reason, text: string) => hold(situation, why, `${because}; but ${text}`, wanted);
  // Below the minimum nothing is to be waited for: whoever went below it has not seen the limit.
  const cooling = reason === 'below_min' ? undefined : coolsDown(situation, rules.upCooldownSeconds);
  if (starting > 0) return stay('starting', `${starting} of ${running} are starting still`);
  if (cooling !== undefined) return stay('cooldown', cooling);
  if (situation.ceilings === undefined) return stay('no_figures', 'what the host has left is unknown');
  const ceilings: readonly Ceiling[] = [
    ...situation.ceilings,
    { limit: 'max', instances: rules.max, why: `the limit is ${rules.max}` },
  ];
  const lowest = ceilings.reduce((a, b) => (b.instances < a.instances ? b : a));
  const to = Math.min(wanted, lowest.instances);
  if (to <= running) return stay(`ceiling_${lowest.limit}`, lowest.why);
  const capped = to < wanted ? `; no more than ${to}, as ${lowest.why}` : '';
  return { direction: 'up', from: running, to, wanted, reason, because: because + capped };
}

function down(rules: ServiceRules, situation: Situation, reason: Reason, because: string): Decision {
  const { running } = situation.instances;
  const stay = (why: Reason, text: string) => hold(situation, why, `${because}; but ${text}`);
  const { starting, unhealthy } = situation.instances;
  // One that hangs uses no CPU and answers nothing: it makes the figures of all look idle.
  if (starting + unhealthy > 0)
    return stay(
      starting > 0 ? 'starting' : 'unhealthy',
      `${starting + unhealthy} of ${running} are not healthy`,
    );
  const cooling = coolsDown(situation, rules.downCooldownSeconds);
  if (cooling !== undefined) return stay('cooldown', cooling);
  return { direction: 'down', from: running, to: running - 1, wanted: running - 1, reason, because };
}

function considerFewer(rules: ServiceRules, situation: Situation): Decision {
  const { running } = situation.instances;
  const unknown = [...rules.up, ...rules.down, ...rules.shareable].flatMap((condition) => {
    const seconds = rules.up.includes(condition) ? rules.upSeconds : rules.downSeconds;
    const finding = find(condition, situation, seconds);
    return finding.state === 'unknown' ? [`${condition.figure.label}: ${finding.why}`] : [];
  });
  if (unknown.length > 0) return hold(situation, 'no_figures', [...new Set(unknown)].join('; '));
  const high = rules.up.find((condition) => isBeyond(newest(condition, situation), condition));
  if (high !== undefined)
    return hold(situation, 'steady', `${high.figure.label} is high, but not for ${rules.upSeconds} s yet`);
  const busy = rules.down.find(
    (condition) => find(condition, situation, rules.downSeconds).state !== 'holds',
  );
  if (busy !== undefined) {
    const { figure, threshold } = busy;
    const now = say(newest(busy, situation), figure);
    return hold(
      situation,
      'steady',
      `${figure.label} is ${now} and has not been below ${say(threshold, figure)} for ${rules.downSeconds} s`,
    );
  }
  if (running === rules.min) return hold(situation, 'steady', `little to do, and ${rules.min} are the least`);
  const tooMuch = rules.shareable.find((condition) => {
    const threshold = (condition.threshold * (running - 1)) / running;
    return find({ ...condition, threshold }, situation, rules.downSeconds).state !== 'holds';
  });
  if (tooMuch !== undefined) {
    const { figure, threshold } = tooMuch;
    return hold(
      situation,
      'still_needed',
      `with one fewer, ${figure.label} would pass ${say(threshold, figure)} (${say(newest(tooMuch, situation), figure)} with ${running})`,
    );
  }
  const labels = rules.down.map(({ figure, threshold }) => `${figure.label} below ${say(threshold, figure)}`);
  return down(rules, situation, 'idle', `${labels.join(' and ')} for ${rules.downSeconds} s`);
}

function coolsDown(situation: Situation, seconds: number): string | undefined {
  const change = lastChange(situation.history, situation.instances.running, situation.nowSeconds);
  if (change === undefined) return undefined;
  const agoSeconds = Math.round(situation.nowSeconds - change.atSeconds);
  return agoSeconds < seconds
    ? `the last change (${change.from} to ${change.to}) was ${agoSeconds} s ago, and ${seconds} s are to pass`
    : undefined;
}

function find(condition: Condition, situation: Situation, forSeconds: number): Finding {
  const samples = situation.samples[condition.figure.name] ?? [];
  return hasHeld(samples, condition, { nowSeconds: situation.nowSeconds, forSeconds });
}

function newest(condition: Condition, situation: Situation): number {
  const samples = situation.samples[condition.figure.name] ?? [];
  return samples.reduce((a, b) => (b.atSeconds > a.atSeconds ? b : a), { atSeconds: 0, value: Number.NaN })
    .value;
}

function say(value: number, figure: Figure): string {
  switch (figure.unit) {
    case 'ratio':
      return `${Math.round(value * 100)} %`;
    case 'seconds':
      return value < 10 ? `${Math.round(value * 1000)} ms` : `${Math.round(value)} s`;
    case 'emails':
      return String(Math.round(value * 10) / 10);
  }
}
