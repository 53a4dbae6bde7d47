import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Buckets in seconds around the guide's marks: 5, 50, 100, 200, 500 ms and 1 s. */
export const DURATION_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10,
];

/** A registry with Node's own metrics and `sv_build_info{service,version} 1`. */
export function createRegistry(options: { service: string; version: string }): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'sv_build_info',
    help: 'Always 1; the version of the platform that this process runs.',
    labelNames: ['service', 'version'],
    registers: [registry],
  }).set({ service: options.service, version: options.version }, 1);
  return registry;
}
