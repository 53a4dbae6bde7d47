import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Buckets in seconds around the guide's marks: 5, 50, 100, 200, 500 ms and 1 s. */
export const DURATION_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10,
];

/** Beyond it, what the kernel tells is its way of saying that there is no limit. */
const PEBIBYTE = 1024 ** 5;

/** A registry with Node's own metrics, the container's limit of memory, and `sv_build_info{service,version} 1`. */
export function createRegistry(options: { service: string; version: string }): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'sv_process_memory_limit_bytes',
    help: 'What the container may use; 0: as much as there is.',
    registers: [registry],
  }).set(memoryLimitBytes(process.constrainedMemory()));
  new Gauge({
    name: 'sv_build_info',
    help: 'Always 1; the version of the platform that this process runs.',
    labelNames: ['service', 'version'],
    registers: [registry],
  }).set({ service: options.service, version: options.version }, 1);
  return registry;
}

export function memoryLimitBytes(constrained: number): number {
  return constrained < PEBIBYTE ? constrained : 0;
}
