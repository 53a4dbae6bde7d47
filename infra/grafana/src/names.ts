/** What Grafana knows things by. */

/** As provisioning/datasources/prometheus.yml names it. */
export const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' };

/** In the addresses of the dashboards, and so in people's bookmarks: they stay. A file has the name of its uid. */
export const UIDS = [
  'sv-overview',
  'sv-slo',
  'sv-api',
  'sv-database',
  'sv-pgbouncer',
  'sv-redis',
  'sv-email',
  'sv-host',
] as const;

export type Uid = (typeof UIDS)[number];
