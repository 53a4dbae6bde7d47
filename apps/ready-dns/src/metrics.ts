import { Counter, Gauge, type Registry } from 'prom-client';
import type { Membership } from './membership.ts';
import type { Rcode } from './protocol.ts';

export interface Metrics {
  countChange(): void;
  countQuery(rcode: Rcode): void;
}

/** What ready-dns tells Prometheus; the instances are read from the membership at each scrape. */
export function createMetrics(registry: Registry, membership: Membership): Metrics {
  new Gauge({
    name: 'sv_ready_dns_instances',
    help: 'Instances of the app by state: known to Docker, and ready.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'known' }, membership.known.length);
      this.set({ state: 'ready' }, membership.ready.length);
    },
  });
  const changes = new Counter({
    name: 'sv_ready_dns_changes_total',
    help: 'Times that the answer to nginx has changed.',
    registers: [registry],
  });
  const queries = new Counter({
    name: 'sv_ready_dns_queries_total',
    help: 'DNS queries answered, by response code.',
    labelNames: ['rcode'],
    registers: [registry],
  });
  return {
    countChange: () => changes.inc(),
    countQuery: (rcode) => queries.inc({ rcode }),
  };
}
