/**
 * Who talks to whom in the stack, and why: what its networks are for. A network joins all that are on it, in both directions
 * and by all ports, so two services share one only where a way needs it, or where {@link COMPANY} says why they do without.
 * test/static/compose.test.ts holds the compose files to it, test/e2e/networks.e2e.test.ts what runs.
 */

/** A service, or several of a kind: `redis-cluster` is each of its nodes, `postgres-replica` each replica. */
export type Kind = string;

export function kindOf(service: string): Kind {
  return service
    .replace(/^redis-cluster-\d+$/, 'redis-cluster')
    .replace(/^postgres-replica-\d+(-exporter)?$/, 'postgres-replica$1');
}

/** By TCP, unless it says otherwise. */
export type Port = number | `${number}/udp`;

export interface Way {
  readonly from: Kind;
  readonly to: Kind;
  readonly ports: readonly Port[];
  readonly why: string;
  /** With docker-compose.prod.yml only. */
  readonly isOfProduction?: true;
}

/** Where each kind listens, on more than its own loopback. Who is not here listens nowhere. */
export const LISTENS: Readonly<Record<Kind, readonly Port[]>> = {
  // HTTP; health and figures. In production 8082 and 8443, too.
  nginx: [8080, 8081],
  // DNS; health and figures.
  'ready-dns': [5353, '5353/udp', 9464],
  // What nginx logs; health and figures.
  'nginx-log-exporter': ['5514/udp', 9464],
  app: [3000, 9464],
  worker: [9464],
  postgres: [5432],
  'postgres-replica': [5432],
  pgbouncer: [6432],
  redis: [6379],
  'redis-queue': [6379],
  // And the bus of the cluster.
  'redis-cluster': [6379, 16379],
  // SMTP; the web page.
  maildev: [1025, 1080],
  prometheus: [9090],
  alertmanager: [9093],
  grafana: [3000],
  'postgres-exporter': [9187],
  'postgres-replica-exporter': [9187],
  'pgbouncer-exporter': [9127],
  'redis-exporter': [9121],
  'nginx-exporter': [9113],
  'node-exporter': [9100],
  autoscaler: [9464],
};

const scraped = (to: Kind, port: number, why = 'its figures'): Way => ({
  from: 'prometheus',
  to,
  ports: [port],
  why,
});

export const WAYS: readonly Way[] = [
  { from: 'nginx', to: 'app', ports: [3000], why: 'every request' },
  { from: 'nginx', to: 'ready-dns', ports: [5353, '5353/udp'], why: 'which apps are ready' },
  { from: 'nginx', to: 'nginx-log-exporter', ports: ['5514/udp'], why: 'what it logs' },
  { from: 'nginx', to: 'prometheus', ports: [9090], why: 'an operators’ page', isOfProduction: true },
  { from: 'nginx', to: 'alertmanager', ports: [9093], why: 'an operators’ page', isOfProduction: true },
  { from: 'nginx', to: 'grafana', ports: [3000], why: 'an operators’ page', isOfProduction: true },
  { from: 'ready-dns', to: 'app', ports: [3000], why: 'whether it is ready' },
  { from: 'nginx-exporter', to: 'nginx', ports: [8081], why: 'nginx’ own figures' },
  {
    from: 'nginx-log-exporter',
    to: 'nginx',
    ports: [8443],
    why: 'how long its certificate lasts',
    isOfProduction: true,
  },

  { from: 'app', to: 'pgbouncer', ports: [6432], why: 'the database' },
  { from: 'app', to: 'redis', ports: [6379], why: 'the cache' },
  { from: 'app', to: 'redis-queue', ports: [6379], why: 'the queue’s board' },
  { from: 'app', to: 'redis-cluster', ports: [6379], why: 'cache and board' },
  { from: 'worker', to: 'pgbouncer', ports: [6432], why: 'the database' },
  { from: 'worker', to: 'redis', ports: [6379], why: 'the cache' },
  { from: 'worker', to: 'redis-queue', ports: [6379], why: 'the queue' },
  { from: 'worker', to: 'redis-cluster', ports: [6379], why: 'cache and queue' },
  { from: 'worker', to: 'maildev', ports: [1025], why: 'emails' },

  { from: 'pgbouncer', to: 'postgres', ports: [5432], why: 'whoever is the primary, and replicas' },
  { from: 'pgbouncer', to: 'postgres-replica', ports: [5432], why: 'whoever is the primary, and replicas' },
  { from: 'postgres', to: 'postgres-replica', ports: [5432], why: 'replication, after a failover' },
  { from: 'postgres-replica', to: 'postgres', ports: [5432], why: 'replication' },
  { from: 'migrate', to: 'postgres', ports: [5432], why: 'the schema' },
  { from: 'migrate', to: 'postgres-replica', ports: [5432], why: 'the schema, after a failover' },
  { from: 'migrate', to: 'pgbouncer', ports: [6432], why: 'new connections after a migration' },
  { from: 'redis-cluster-init', to: 'redis-cluster', ports: [6379], why: 'makes the cluster' },

  { from: 'postgres-exporter', to: 'postgres', ports: [5432], why: 'what it watches' },
  { from: 'postgres-replica-exporter', to: 'postgres-replica', ports: [5432], why: 'what it watches' },
  { from: 'pgbouncer-exporter', to: 'pgbouncer', ports: [6432], why: 'what it watches' },
  { from: 'redis-exporter', to: 'redis', ports: [6379], why: 'what it watches' },
  { from: 'redis-exporter', to: 'redis-queue', ports: [6379], why: 'what it watches' },
  { from: 'redis-exporter', to: 'redis-cluster', ports: [6379], why: 'what it watches' },
  scraped('app', 9464),
  scraped('worker', 9464),
  scraped('ready-dns', 9464),
  scraped('nginx-log-exporter', 9464),
  scraped('postgres-exporter', 9187),
  scraped('postgres-replica-exporter', 9187),
  scraped('pgbouncer-exporter', 9127),
  scraped('redis-exporter', 9121),
  scraped('nginx-exporter', 9113),
  scraped('node-exporter', 9100),
  scraped('autoscaler', 9464),
  scraped('alertmanager', 9093, 'alerts, and its figures'),
  { from: 'alertmanager', to: 'maildev', ports: [1025], why: 'mails of alerts' },
  { from: 'grafana', to: 'prometheus', ports: [9090], why: 'what its panels show' },
  { from: 'autoscaler', to: 'prometheus', ports: [9090], why: 'what it decides by' },

  { from: 'sdk', to: 'nginx', ports: [8080], why: '`sdk health`' },
  { from: 'sdk', to: 'pgbouncer', ports: [6432], why: 'the command line' },
  { from: 'sdk', to: 'postgres', ports: [5432], why: '`sdk db …`, `sdk doctor`' },
  { from: 'sdk', to: 'postgres-replica', ports: [5432], why: 'the same, after a failover' },
  { from: 'sdk', to: 'redis', ports: [6379], why: 'what it changes is taken out of the cache' },
  { from: 'sdk', to: 'redis-queue', ports: [6379], why: '`sdk email pause`' },
  { from: 'sdk', to: 'redis-cluster', ports: [6379], why: 'cache and queue' },
  { from: 'sdk', to: 'maildev', ports: [1025], why: '`sdk email test`' },
  { from: 'sdk', to: 'prometheus', ports: [9090], why: '`sdk advise`, `sdk doctor`' },
];

/** Services that share a network though not each of them needs each other. */
export const COMPANY: readonly { readonly network: string; readonly kinds: readonly Kind[]; why: string }[] =
  [
    {
      network: 'edge',
      kinds: ['nginx', 'maildev', 'grafana'],
      why: 'Published ports. Each has a port for this machine anyway, and no way out; maildev is not there in production.',
    },
    {
      network: 'egress',
      kinds: ['app', 'worker', 'acme', 'sdk'],
      why: 'A way out for each. acme listens nowhere, an app on what nginx has it answer anyway and on figures.',
    },
    {
      network: 'balancer',
      kinds: ['nginx', 'ready-dns', 'nginx-log-exporter', 'nginx-exporter'],
      why: 'What nginx needs beside it. They hold no secret.',
    },
    { network: 'web', kinds: ['nginx', 'ready-dns', 'app', 'sdk'], why: 'The command line asks nginx.' },
    {
      network: 'data',
      kinds: [
        ...['app', 'worker', 'sdk', 'pgbouncer'],
        ...['redis', 'redis-queue', 'redis-cluster', 'redis-cluster-init', 'redis-exporter'],
      ],
      why: 'Each of these servers asks for a password of its own, and only whom it is meant for has that. A network for each would take three more ranges, of which Docker has thirty.',
    },
    {
      network: 'database',
      kinds: [
        ...['postgres', 'postgres-replica', 'pgbouncer', 'migrate', 'sdk'],
        ...['postgres-exporter', 'postgres-replica-exporter', 'pgbouncer-exporter'],
      ],
      why: 'Exporters sign in as sv_monitor, who reads statistics and no row, wherever they get.',
    },
    {
      network: 'monitoring',
      kinds: ['prometheus', 'app', 'worker', 'autoscaler', 'sdk'],
      why: 'Prometheus finds what scales by DNS. It can’t be changed by HTTP; nor can the autoscaler, which only shows figures there.',
    },
    {
      network: 'exporters',
      kinds: [
        ...['prometheus', 'ready-dns', 'nginx-log-exporter', 'nginx-exporter', 'node-exporter'],
        ...['postgres-exporter', 'postgres-replica-exporter', 'pgbouncer-exporter', 'redis-exporter'],
      ],
      why: 'They show figures, which one could read of another.',
    },
    {
      network: 'names',
      kinds: ['prometheus', 'redis-cluster'],
      why: 'Prometheus finds the nodes by their names, and has redis-exporter ask them, who has their password.',
    },
    {
      network: 'operators',
      kinds: ['prometheus', 'alertmanager', 'grafana', 'maildev'],
      why: 'Operators’ pages, and the catcher that Alertmanager mails to in development.',
    },
    {
      network: 'mail',
      kinds: ['worker', 'maildev', 'sdk'],
      why: 'The command line sends a mail for trying out as a worker does.',
    },
  ];

/** Networks that lead outside, and for what. */
export const OUTSIDE: Readonly<Record<string, { readonly kinds: readonly Kind[]; readonly why: string }>> = {
  egress: {
    kinds: ['acme', 'app', 'sdk', 'worker'],
    why: 'the certificate’s authority; Amazon SNS; servers elsewhere; mail providers',
  },
  alerts: {
    kinds: ['alertmanager', 'prometheus'],
    why: 'whom Alertmanager tells. Prometheus for DNS alone: on a network that leads nowhere the engine answers SERVFAIL for a name that nobody has, of which Prometheus keeps the targets and logs an error every 10 s.',
  },
};

const pairs = (kinds: readonly Kind[]) =>
  kinds.flatMap((one, index) => kinds.slice(index + 1).map((other) => pairOf(one, other)));

const pairOf = (one: Kind, other: Kind) => [one, other].toSorted().join(' ');

/** Whether two kinds may share a network. */
export function createMayMeet(isProduction: boolean): (one: Kind, other: Kind) => boolean {
  const together = new Set([
    ...WAYS.filter((way) => isProduction || way.isOfProduction !== true).map(({ from, to }) =>
      pairOf(from, to),
    ),
    ...COMPANY.flatMap(({ kinds }) => pairs(kinds)),
  ]);
  return (one, other) => one === other || together.has(pairOf(one, other));
}
