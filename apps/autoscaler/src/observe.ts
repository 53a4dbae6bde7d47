/** What a round needs of Prometheus. A figure that is not there stays away; what to make of that is decide.ts' to say. */
import {
  figuresOf,
  type Prometheus,
  type Sample,
  type ServiceName,
  type ServiceRules,
} from '@sv-sdk/scaling';
import type { Host } from './budget.ts';
import type { Situation } from './decide.ts';
import { historySeries } from './metrics.ts';

/** A scrape and an evaluation of the rules may lie between a change and what is seen of it. */
const HISTORY_SLACK_SECONDS = 60;

export type Figures = Pick<Situation, 'samples' | 'history'>;

export async function readFigures(prometheus: Prometheus, rules: ServiceRules): Promise<Figures> {
  const cooldownSeconds = Math.max(rules.upCooldownSeconds, rules.downCooldownSeconds);
  const [history, ...samples] = await Promise.all([
    prometheus.samples(historySeries(rules.service), cooldownSeconds + HISTORY_SLACK_SECONDS),
    ...figuresOf(rules).map(
      async ({ figure, seconds }): Promise<[string, readonly Sample[]]> => [
        figure.name,
        await prometheus.samples(figure.series, seconds),
      ],
    ),
  ]);
  return { history, samples: Object.fromEntries(samples) };
}

/** Undefined where any of it is missing: what is not known to be free is not given away. */
export async function readHost(
  prometheus: Prometheus,
  { isPooled }: { isPooled: boolean },
): Promise<Host | undefined> {
  const [memoryTotalBytes, memoryAvailableBytes, cpuRatio, connectionsMax] = await Promise.all([
    prometheus.value('min(node_memory_MemTotal_bytes)'),
    prometheus.value('min(node_memory_MemAvailable_bytes)'),
    prometheus.value('max(instance:node_cpu:ratio_rate5m)'),
    prometheus.value(
      `min(${isPooled ? 'pgbouncer_config_max_client_connections' : 'pg_settings_max_connections'})`,
    ),
  ]);
  if (
    memoryTotalBytes === undefined ||
    memoryAvailableBytes === undefined ||
    cpuRatio === undefined ||
    connectionsMax === undefined
  )
    return undefined;
  return { memoryTotalBytes, memoryAvailableBytes, cpuRatio, connectionsMax };
}

/** What all instances of a service use of the memory, as far as it is known; the rest counts as not in use yet. */
export async function readResidentBytes(prometheus: Prometheus, service: ServiceName): Promise<number> {
  return (await prometheus.value(`sum(process_resident_memory_bytes{job="${service}"})`)) ?? 0;
}

/** Why more workers would only wait for the same. */
export async function readBlocked(prometheus: Prometheus): Promise<string | undefined> {
  const [paused, circuitsOpen] = await Promise.all([
    prometheus.value('max(sv_queue_paused)'),
    // 1 only where every provider's circuit is open at every worker.
    prometheus.value('min(sv_email_provider_circuit_open)'),
  ]);
  if (paused === 1) return 'the queue is paused';
  return circuitsOpen === 1 ? 'no provider takes emails (their circuits are open)' : undefined;
}
