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
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });
  const current = gauge('sv_autoscaler_current', 'Instances that run.', 'service');
  const desired = gauge('sv_autoscaler_desired', 'Instances that were decided on.', 'service');
  const wanted = gauge(
    'sv_autoscaler_wanted',
    'Instances that the rules call for, before cool-downs and ceilings.',
    'service',
  );
  const ceiling = gauge(
    'sv_autoscaler_ceiling',
    'The most instances, by what limits them.',
    'service',
    'limit',
  );
  const decided = gauge(
    'sv_autoscaler_last_decision_timestamp_seconds',
    'When it was last decided, whatever was.',
    'service',
  );
  const round = gauge(
    'sv_autoscaler_last_round_timestamp_seconds',
    'When everything was last seen, decided and done.',
  );
  gauge('sv_autoscaler_dry_run', '1: it only says what it would do.').set(about.isDryRun ? 1 : 0);
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
