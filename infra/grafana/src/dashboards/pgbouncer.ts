/** The pools between the processes and Postgres. */
import type { Page } from '../page.ts';
import { timeSeries } from '../panels.ts';
import { meanQuerySeconds } from '../shared-panels.ts';
import { BYTES_PER_SECOND, COUNT, OPERATIONS_PER_SECOND, RATIO, SECONDS } from '../units.ts';

/** The console, `pgbouncer`, is a pool as well, of people and exporters. */
const POOL = 'instance=~"$instance", database=~"$database", database!="pgbouncer"';
const rate = (counter: string) =>
  `sum by (database) (rate(pgbouncer_stats_totals_${counter}{${POOL}}[$__rate_interval]))`;

export const pgbouncer: Page = {
  uid: 'sv-pgbouncer',
  title: 'PgBouncer',
  description:
    'PgBouncer’s pools (`sv` is the primary, `sv_ro` the replicas), and those of the processes before it.',
  variables: [
    { name: 'instance', label: 'Instance', values: 'label_values(pgbouncer_up, instance)' },
    {
      name: 'database',
      label: 'Pool',
      values: 'label_values(pgbouncer_pools_server_active_connections{database!="pgbouncer"}, database)',
    },
  ],
  rows: [
    {
      title: 'Pools',
      panels: [
        timeSeries({
          title: 'Pools in use',
          description:
            'The share of the pool’s server connections that a transaction holds. At 100 % whoever comes next waits.',
          unit: RATIO,
          queries: [{ expr: `database:pgbouncer_pool_used:ratio{${POOL}}`, legend: '{{database}}' }],
        }),
        timeSeries({
          title: 'Longest wait for a server connection',
          description: 'How long the client at the head of the line has waited for a connection to Postgres.',
          unit: SECONDS,
          queries: [
            {
              expr: `max by (database) (pgbouncer_pools_client_maxwait_seconds{${POOL}})`,
              legend: '{{database}}',
            },
          ],
          alerts: ['PgbouncerClientsWaiting'],
        }),
        timeSeries({
          title: 'Client connections in use',
          description:
            'The share of max_client_conn that is given away. At 100 % an app that starts gets no connection.',
          unit: RATIO,
          queries: [
            { expr: 'instance:pgbouncer_clients:ratio{instance=~"$instance"}', legend: '{{instance}}' },
          ],
          alerts: ['PgbouncerClientsHigh'],
        }),
        timeSeries({
          title: 'Server connections by state',
          description:
            'Connections to Postgres: held by a transaction, free, and free but not checked since.',
          unit: COUNT,
          isStacked: true,
          queries: ['active', 'idle', 'used'].map((state) => ({
            expr: `sum by (database) (pgbouncer_pools_server_${state}_connections{${POOL}})`,
            legend: `{{database}} ${state}`,
          })),
        }),
        timeSeries({
          title: 'Clients by state',
          description:
            'Connections of apps, workers and tools: with a server connection or idle, and waiting for one.',
          unit: COUNT,
          isStacked: true,
          queries: [
            {
              expr: `sum by (database) (pgbouncer_pools_client_active_connections{${POOL}})`,
              legend: '{{database}} active',
            },
            { expr: `database:pgbouncer_clients_waiting:sum{${POOL}}`, legend: '{{database}} waiting' },
          ],
        }),
        timeSeries({
          title: 'Time spent waiting',
          description:
            'Seconds that clients waited for a server connection, in each second; 1 is one client that waits all the time.',
          unit: COUNT,
          queries: [{ expr: rate('client_wait_seconds_total'), legend: '{{database}}' }],
        }),
      ],
    },
    {
      title: 'Work',
      panels: [
        timeSeries({
          title: 'Queries',
          description: 'Queries a second.',
          unit: OPERATIONS_PER_SECOND,
          columns: 6,
          queries: [{ expr: rate('queries_pooled_total'), legend: '{{database}}' }],
        }),
        timeSeries({
          title: 'Query latency, mean',
          description: 'How long a query took between PgBouncer and Postgres, on average.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: meanQuerySeconds('$database'), legend: '{{database}}' }],
        }),
        timeSeries({
          title: 'Transaction length, mean',
          description:
            'How long a transaction held its server connection, on average, the waits for its next statement included.',
          unit: SECONDS,
          columns: 6,
          queries: [
            {
              expr: `${rate('server_in_transaction_seconds_total')} / (${rate('sql_transactions_pooled_total')} > 0)`,
              legend: '{{database}}',
            },
          ],
        }),
        timeSeries({
          title: 'Traffic',
          description: 'Bytes a second from and to the clients.',
          unit: BYTES_PER_SECOND,
          columns: 6,
          queries: [
            { expr: rate('received_bytes_total'), legend: '{{database}} received' },
            { expr: rate('sent_bytes_total'), legend: '{{database}} sent' },
          ],
        }),
      ],
    },
    {
      title: 'Pools of the processes',
      panels: [
        timeSeries({
          title: 'Connections in use',
          description: 'Connections that a query or a transaction holds, of all processes of a kind.',
          unit: COUNT,
          columns: 12,
          queries: [{ expr: 'pool:sv_db_pool_connections_in_use:sum', legend: '{{job}} {{pool}}' }],
        }),
        timeSeries({
          title: 'Waiting for a connection',
          description: 'Callers that wait for a connection of their own process’ pool.',
          unit: COUNT,
          columns: 12,
          queries: [{ expr: 'pool:sv_db_pool_waiting:sum', legend: '{{job}} {{pool}}' }],
        }),
      ],
    },
  ],
};
