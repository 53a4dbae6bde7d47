import type { ServiceName } from '@sv-sdk/scaling';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Ceiling } from './budget.ts';
import type { Decision } from './decide.ts';

export interface Metrics {
  /** What runs; also told when there is no decision. It is the memory of the cool-downs, see history.ts. */
  setRunning(service: ServiceName, instances: number): void;
  setCeilings(service: ServiceName, ceilings: readonly Ceiling[]): void;
  count(service: ServiceName, decision: Decision): void;
  countFailure(): void;
  /** A whole round: everything was seen, decided and done. */
  countRound(): void;
}

/** Where {@link Metrics.setRunning} is read again. */
export const historySeries = (service: ServiceName) => `sv_autoscaler_current{service="${service}"}`;

export function createMetrics(registry: Registry, about: { isDryRun: boolean }): Metrics {
  const registers = [registry];
  const ofService = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['service'], registers });
  const current = ofService('sv_autoscaler_current', 'Instances that run.');
  const desired = ofService('sv_autoscaler_desired', 'Instances that were decided on.');
  const wanted = ofService(
    'sv_autoscaler_wanted',
    'Instances that the rules call for, before cool-downs and ceilings.',
  );
  const decided = ofService(
    'sv_autoscaler_last_decision_timestamp_seconds',
    'When it was last decided, whatever was.',
  );
  const ceiling = new Gauge({
    name: 'sv_autoscaler_ceiling',
    help: 'The most instances, by what limits them.',
    labelNames: ['service', 'limit'],
    registers,
  });
  const round = new Gauge({
    name: 'sv_autoscaler_last_round_timestamp_seconds',
    help: 'When everything was last seen, decided and done.',
    registers,
  });
  new Gauge({
    name: 'sv_autoscaler_dry_run',
    help: '1: it only says what it would do.',
    registers,
  }).set(about.isDryRun ? 1 : 0);
  const decisions = new Counter({
    name: 'sv_autoscaler_decisions_total',
    help: 'Decisions, by direction (up, down, hold) and reason.',
    labelNames: ['service', 'direction', 'reason'],
    registers,
  });
  const failures = new Counter({
    name: 'sv_autoscaler_failures_total',
    help: 'Rounds that could not see, decide or do everything.',
    registers,
  });
  round.set(Date.now() / 1000);
  return {
    setRunning: (service, instances) => current.set({ service }, instances),
    setCeilings: (service, ceilings) => {
      for (const limit of ['max', 'memory', 'cpu', 'pools'] as const) {
        const found = ceilings.find((one) => one.limit === limit);
        if (found === undefined) ceiling.remove({ service, limit });
        else ceiling.set({ service, limit }, found.instances);
      }
    },
    count: (service, decision) => {
      desired.set({ service }, decision.to);
      wanted.set({ service }, decision.wanted);
      decided.set({ service }, Date.now() / 1000);
      decisions.inc({ service, direction: decision.direction, reason: decision.reason });
    },
    countFailure: () => failures.inc(),
    countRound: () => round.set(Date.now() / 1000),
  };
}
