/** Postgres: its nodes, what they do, how far the replicas are, backups and the audit log. */
import type { Page } from '../page.ts';
import { stat, timeSeries } from '../panels.ts';
import { databaseCpu, databaseLatency, longestTransaction, replayLag } from '../shared-panels.ts';
import {
  BYTES,
  BYTES_PER_SECOND,
  COUNT,
  COUNT_PER_SECOND,
  OPERATIONS_PER_SECOND,
  RATIO,
  SECONDS,
} from '../units.ts';

const INSTANCE = 'instance=~"$instance"';
const SV = `${INSTANCE}, datname="sv"`;
const rate = (counter: string) =>
  `sum by (instance) (rate(pg_stat_database_${counter}{${SV}}[$__rate_interval]))`;

export const database: Page = {
  uid: 'sv-database',
  title: 'Database',
  description: 'Postgres: primary and replicas, connections, work, replication, backups, the audit log.',
  variables: [{ name: 'instance', label: 'Node', values: 'label_values(pg_up, instance)' }],
  rows: [
    {
      title: 'Nodes',
      panels: [
        stat({
          title: 'Role',
          description: 'Which node takes writes.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: `instance:pg_is_primary:bool{${INSTANCE}}`, legend: '{{instance}}' }],
          words: { '0': 'standby', '1': 'primary' },
          showsNames: true,
          runbooksOf: ['TwoPrimaries'],
        }),
        stat({
          title: 'Primaries',
          description: 'Nodes that take writes: one.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: 'sum(instance:pg_is_primary:bool)', legend: 'primaries' }],
          alerts: ['NoPrimary', 'TwoPrimaries'],
        }),
        stat({
          title: 'Up',
          description: 'Whether each node answers its exporter.',
          unit: COUNT,
          columns: 6,
          queries: [{ expr: `pg_up{${INSTANCE}}`, legend: '{{instance}}' }],
          words: { '0': 'down', '1': 'up' },
          showsNames: true,
          runbooksOf: ['InstanceDown'],
        }),
        stat({
          title: 'Size',
          description: 'Size of the database on disk.',
          unit: BYTES,
          columns: 6,
          queries: [{ expr: `max(pg_database_size_bytes{${SV}})`, legend: 'sv' }],
        }),
      ],
    },
    {
      title: 'What it uses',
      panels: [
        databaseCpu(),
        timeSeries({
          title: 'Memory of the database',
          description:
            'The share of its memory limit that each node uses and that can’t be given back. At 100 % the kernel kills a backend, and Postgres restarts all the others.',
          unit: RATIO,
          queries: [{ expr: 'instance:pg_container_memory:ratio', legend: '{{instance}}' }],
          alerts: ['DatabaseMemoryHigh'],
        }),
        timeSeries({
          title: 'Requests that only read',
          description:
            'The share of the API’s requests that only read, over 5 minutes: what replicas could take.',
          unit: RATIO,
          max: 1,
          queries: [{ expr: 'job:sv_http_requests_read:ratio_rate5m{job="app"}', legend: 'reads' }],
          alerts: ['ScaleDatabaseReads'],
        }),
      ],
    },
    {
      title: 'Connections',
      panels: [
        timeSeries({
          title: 'Connections in use',
          description: 'The share of max_connections that is given away.',
          unit: RATIO,
          queries: [{ expr: `instance:pg_connections:ratio{${INSTANCE}}`, legend: '{{instance}}' }],
          alerts: ['DatabaseConnectionsHigh'],
          more: 'sv-pgbouncer',
        }),
        timeSeries({
          title: 'Connections by state',
          description:
            'What the connections do. `idle in transaction` holds its locks while it waits for the next statement.',
          unit: COUNT,
          isStacked: true,
          queries: [{ expr: `sum by (state) (pg_stat_activity_count{${INSTANCE}})`, legend: '{{state}}' }],
        }),
        timeSeries({
          title: 'What connections wait for',
          description:
            'Connections by what they wait for. `Lock` waits for another transaction, `IO` for the disk, `Client` for the next statement; `SyncRep` is a write that waits for a standby.',
          unit: COUNT,
          queries: [
            {
              expr: `sum by (wait_event_type, wait_event) (pg_stat_activity_count{${INSTANCE}, wait_event_type!=""})`,
              legend: '{{wait_event_type}} {{wait_event}}',
            },
          ],
          runbooksOf: ['WritesWaitForStandby'],
        }),
      ],
    },
    {
      title: 'Work',
      panels: [
        databaseLatency(),
        longestTransaction(),
        timeSeries({
          title: 'Transactions',
          description: 'Transactions a second that ended, by how.',
          unit: OPERATIONS_PER_SECOND,
          queries: [
            { expr: rate('xact_commit'), legend: '{{instance}} committed' },
            { expr: rate('xact_rollback'), legend: '{{instance}} rolled back' },
          ],
        }),
        timeSeries({
          title: 'Rows written',
          description: 'Rows a second that were inserted, updated and deleted.',
          unit: COUNT_PER_SECOND,
          queries: ['inserted', 'updated', 'deleted'].map((verb) => ({
            expr: rate(`tup_${verb}`),
            legend: `{{instance}} ${verb}`,
          })),
        }),
        timeSeries({
          title: 'Blocks found in memory',
          description:
            'The share of blocks that Postgres had in its shared buffers; the others were read from the system.',
          unit: RATIO,
          max: 1,
          queries: [
            {
              expr: `${rate('blks_hit')} / (${rate('blks_hit')} + ${rate('blks_read')} > 0)`,
              legend: '{{instance}}',
            },
          ],
        }),
        timeSeries({
          title: 'Conflicts of transactions',
          description:
            'Deadlocks a second, and queries on a replica that were cancelled for the sake of the replay.',
          unit: COUNT_PER_SECOND,
          queries: [
            { expr: rate('deadlocks'), legend: '{{instance}} deadlocks' },
            { expr: rate('conflicts'), legend: '{{instance}} cancelled' },
          ],
        }),
        timeSeries({
          title: 'Locks',
          description: 'Locks that are held or waited for, by mode.',
          unit: COUNT,
          queries: [{ expr: `sum by (mode) (pg_locks_count{${SV}})`, legend: '{{mode}}' }],
        }),
        timeSeries({
          title: 'Temporary files',
          description: 'Bytes a second of sorts and joins that did not fit into work_mem.',
          unit: BYTES_PER_SECOND,
          queries: [{ expr: rate('temp_bytes'), legend: '{{instance}}' }],
        }),
        timeSeries({
          title: 'Dead rows',
          description:
            'Rows that are not needed any more and wait for a vacuum, of the ten tables that have most.',
          unit: COUNT,
          queries: [
            {
              expr: `topk(10, max by (schemaname, relname) (pg_stat_user_tables_n_dead_tup{${SV}}))`,
              legend: '{{schemaname}}.{{relname}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Slow statements',
      panels: [
        timeSeries({
          title: 'Slowest statements, p95',
          description:
            'The ten statements of the processes whose p95 is the highest, by their name, or by their verb and first table. Postgres logs each call of more than 500 ms with its text.',
          unit: SECONDS,
          columns: 6,
          queries: [
            {
              expr: 'topk(10, statement:sv_db_statement_duration_seconds:p95_5m)',
              legend: '{{statement}}',
            },
          ],
        }),
        timeSeries({
          title: 'Time by statement',
          description:
            'The ten statements that the processes spend most time on: seconds a second, which is how many of each run at a time.',
          unit: COUNT,
          columns: 6,
          queries: [
            {
              expr: 'topk(10, sum by (statement) (rate(sv_db_statement_duration_seconds_sum[$__rate_interval])))',
              legend: '{{statement}}',
            },
          ],
        }),
        timeSeries({
          title: 'Time in Postgres by statement',
          description:
            'The ten statements that Postgres itself spends most time on, by its number of them (queryid): seconds a second. `make doctor` tells the texts of slow ones.',
          unit: COUNT,
          columns: 6,
          queries: [
            {
              expr: `topk(10, queryid:pg_stat_statements_seconds:rate5m{${INSTANCE}})`,
              legend: '{{instance}} {{queryid}}',
            },
          ],
        }),
        timeSeries({
          title: 'Mean time in Postgres by statement',
          description:
            'How long one call took inside Postgres, on average over 5 minutes, of the ten statements (queryid) that take longest.',
          unit: SECONDS,
          columns: 6,
          queries: [
            {
              expr: `topk(10, queryid:pg_stat_statements_seconds:mean5m{${INSTANCE}})`,
              legend: '{{instance}} {{queryid}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Replication',
      panels: [
        replayLag(),
        timeSeries({
          title: 'Replication lag in bytes',
          description:
            'WAL that the primary has written and a replica has not replayed, as the primary sees it.',
          unit: BYTES,
          queries: [{ expr: 'replica:pg_replication_lag_bytes:max', legend: '{{application_name}}' }],
          alerts: ['ReplicaLagBytes'],
          runbooksOf: ['ReplicaDisconnected'],
        }),
        timeSeries({
          title: 'WAL kept for a slot',
          description:
            'The share of max_slot_wal_keep_size that each replication slot takes. At 100 % the slot is lost and its replica must be copied anew.',
          unit: RATIO,
          queries: [
            { expr: 'slot:pg_replication_slot_wal_kept:ratio', legend: '{{instance}} {{slot_name}}' },
          ],
          alerts: ['ReplicationSlotWalGrowing'],
          runbooksOf: ['ReplicationSlotInactive'],
        }),
        timeSeries({
          title: 'Reads from replicas',
          description: 'The share of reads that went to a replica.',
          unit: RATIO,
          max: 1,
          queries: [{ expr: 'job:sv_db_reads_replica:ratio_rate5m', legend: '{{job}}' }],
        }),
        timeSeries({
          title: 'Lag as the processes see it',
          description:
            'For how long the primary has had what a replica has not replayed: the worst of each process.',
          unit: SECONDS,
          queries: [
            { expr: 'max by (job, server) (sv_db_replica_lag_seconds)', legend: '{{job}} {{server}}' },
          ],
        }),
        timeSeries({
          title: 'Replicas in use',
          description:
            'The share of processes that read from a replica: not while it is down, far behind, or no replica of the primary.',
          unit: RATIO,
          max: 1,
          queries: [{ expr: 'avg by (job, server) (sv_db_replica_usable)', legend: '{{job}} {{server}}' }],
        }),
      ],
    },
    {
      title: 'Backups',
      panels: [
        stat({
          title: 'Age of the last backup',
          description: 'How long ago the last backup was completed.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'time() - max(sv_backup_last_completed_timestamp_seconds)', legend: 'age' }],
          runbooksOf: ['BackupTooOld', 'BackupFailed'],
        }),
        stat({
          title: 'Age of the backups’ state',
          description: 'How long ago the scheduler of the backups last wrote its figures.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'time() - max(sv_backup_status_timestamp_seconds)', legend: 'age' }],
          alerts: ['BackupStateUnknown'],
        }),
        stat({
          title: 'Last rehearsal of a restore',
          description: 'How long ago a rehearsal of a restore brought everything back.',
          unit: SECONDS,
          columns: 6,
          queries: [
            { expr: 'time() - max(sv_restore_drill_last_success_timestamp_seconds > 0)', legend: 'age' },
          ],
          noValue: 'never',
          alerts: ['RestoreDrillOverdue'],
          runbooksOf: ['RestoreDrillFailed'],
        }),
        stat({
          title: 'Size of the repository',
          description: 'What all backups and the archived WAL take.',
          unit: BYTES,
          columns: 6,
          queries: [{ expr: 'max(sv_backup_repository_size_bytes)', legend: 'size' }],
        }),
        timeSeries({
          title: 'WAL archived',
          description: 'Segments of WAL in 5 minutes that were archived, and attempts that failed.',
          unit: COUNT,
          columns: 12,
          queries: [
            {
              expr: `sum by (instance) (increase(pg_stat_archiver_archived_count{${INSTANCE}}[5m]))`,
              legend: '{{instance}} archived',
            },
            {
              expr: `sum by (instance) (increase(pg_stat_archiver_failed_count{${INSTANCE}}[5m]))`,
              legend: '{{instance}} failed',
            },
          ],
          runbooksOf: ['WalArchivingFailing', 'WalDropped'],
        }),
        timeSeries({
          title: 'WAL on disk',
          description: 'WAL that each node keeps: for its replicas, for the archive, for a restart.',
          unit: BYTES,
          columns: 12,
          queries: [{ expr: `pg_wal_size_bytes{${INSTANCE}}`, legend: '{{instance}}' }],
        }),
      ],
    },
    {
      title: 'Audit log and housekeeping',
      panels: [
        timeSeries({
          title: 'Oldest row without a seal',
          description:
            'Age of the oldest row of the audit log that is not in the hash chain; 0 when all are.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'max(sv_audit_unsealed_oldest_seconds)', legend: 'age' }],
          alerts: ['AuditNotSealed'],
        }),
        timeSeries({
          title: 'Rows sealed',
          description: 'Rows a second that were sealed into the hash chain.',
          unit: COUNT_PER_SECOND,
          columns: 6,
          queries: [{ expr: 'sum(rate(sv_audit_sealed_total[$__rate_interval]))', legend: 'rows' }],
          runbooksOf: ['AuditChainWentBack'],
        }),
        timeSeries({
          title: 'Months ahead that have a partition',
          description: 'For how long from now on every month of the audit log has its partition.',
          unit: SECONDS,
          columns: 6,
          queries: [{ expr: 'min(sv_audit_partitions_until_timestamp_seconds) - time()', legend: 'covered' }],
          alerts: ['AuditPartitionsMissing'],
          runbooksOf: ['AuditPartitionsOverdue'],
        }),
        timeSeries({
          title: 'Last housekeeping',
          description:
            'How long ago a worker last removed sessions, keys and emails that are past their time.',
          unit: SECONDS,
          columns: 6,
          queries: [
            { expr: 'time() - max(sv_housekeeping_last_success_timestamp_seconds > 0)', legend: 'age' },
          ],
          alerts: ['HousekeepingOverdue'],
        }),
      ],
    },
  ],
};
