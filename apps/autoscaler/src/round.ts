/** One round: look, read, decide, act, for each service in turn. */
import type { Prometheus, ServiceName, ServiceRules } from '@sv-sdk/scaling';
import type { Logger } from '@sv-sdk/telemetry';
import { type BudgetSettings, type Ceiling, ceilingsOf, type Load } from './budget.ts';
import { type Decision, decide } from './decide.ts';
import type { Fleet } from './fleet.ts';
import type { Metrics } from './metrics.ts';
import { readBlocked, readFigures, readHost, readResidentBytes } from './observe.ts';

export interface RoundOptions {
  readonly rules: readonly ServiceRules[];
  readonly budget: BudgetSettings;
  /** Whether PgBouncer is what the instances connect to, or a server itself. */
  readonly isPooled: boolean;
  readonly isDryRun: boolean;
  readonly fleet: Fleet;
  readonly prometheus: Prometheus;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Rejects when something could not be seen or done; the next round begins anew and finishes what was begun. */
export function createRound(options: RoundOptions): () => Promise<void> {
  const { rules, budget, isPooled, isDryRun, fleet, prometheus, metrics, logger } = options;
  const lastLines = new Map<ServiceName, string>();

  /** Every change is told, and a hold when it is a new one: else there would be 11,520 lines a day that say the same. */
  function report(service: ServiceName, decision: Decision): void {
    const { direction, reason, from, to, wanted, because } = decision;
    const line = `${direction} ${reason} ${from} ${to}`;
    const isNews = lastLines.get(service) !== line || (direction !== 'hold' && !isDryRun);
    lastLines.set(service, line);
    const fields = {
      target: service,
      direction,
      reason,
      from,
      to,
      wanted,
      because,
      ...(isDryRun && { isDryRun }),
    };
    logger[isNews ? 'info' : 'debug'](fields, 'decided');
  }

  async function act(service: ServiceName, decision: Decision): Promise<void> {
    if (isDryRun || decision.direction === 'hold') return;
    if (decision.direction === 'up') await fleet.add(service, decision.to - decision.from);
    else await fleet.takeAway(service);
    const { running } = await fleet.look(service);
    metrics.setRunning(service, running);
    logger.info({ target: service, from: decision.from, running }, 'scaled');
  }

  return async () => {
    const looks = new Map<ServiceName, Awaited<ReturnType<Fleet['look']>>>();
    for (const { service } of rules) {
      const finished = isDryRun ? [] : await fleet.finish(service);
      if (finished.length > 0)
        logger.info({ service, finished }, 'finished what an interrupted run had begun');
      const look = await fleet.look(service);
      looks.set(service, look);
      metrics.setRunning(service, look.running);
    }
    const host = await readHost(prometheus, { isPooled });
    const loads = new Map<ServiceName, Load>();
    for (const [service, { running, memoryLimitBytes }] of looks) {
      const residentBytes = await readResidentBytes(prometheus, service);
      loads.set(service, { service, running, memoryLimitBytes, residentBytes });
    }
    for (const rule of rules) {
      const { service } = rule;
      const instances = looks.get(service);
      if (instances === undefined) throw new Error(`${service} was not looked at`);
      const ceilings: readonly Ceiling[] | undefined =
        host === undefined ? undefined : ceilingsOf(service, [...loads.values()], host, budget);
      const decision = decide(rule, {
        nowSeconds: Date.now() / 1000,
        instances,
        ...(await readFigures(prometheus, rule)),
        ceilings,
        blocked: service === 'worker' ? await readBlocked(prometheus) : undefined,
      });
      metrics.setCeilings(service, [
        ...(ceilings ?? []),
        { limit: 'max', instances: rule.max, why: 'the setting' },
      ]);
      metrics.count(service, decision);
      report(service, decision);
      await act(service, decision);
      // What is about to start has a claim on what the host has left.
      const load = loads.get(service);
      if (load !== undefined) loads.set(service, { ...load, running: decision.to });
    }
    metrics.countRound();
  };
}
