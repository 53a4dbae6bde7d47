-- The state of the backups: one line of JSON for `sdk db status`, then lines for Prometheus.
\set info `cat "$BACKUP_STATUS/info.json"`
\set failure `cat "$BACKUP_STATUS/failure"`
\set dropped `cat "$BACKUP_STATUS/wal-dropped"`
\set drill `cat "$BACKUP_STATUS/drill"`
with backups as (
  select backup ->> 'label' as label,
         backup ->> 'type' as type,
         (backup #>> '{timestamp,start}')::bigint as started,
         (backup #>> '{timestamp,stop}')::bigint as ended,
         (backup #>> '{info,size}')::bigint as database_bytes,
         (backup #>> '{info,repository,delta}')::bigint as stored_bytes,
         coalesce((backup ->> 'error')::boolean, false) as has_page_errors
  from jsonb_array_elements(:'info'::jsonb #> '{0,backup}') as backup
),
latest_of_type as (select distinct on (type) * from backups order by type, ended desc),
latest as (select * from backups order by ended desc limit 1),
marks as (
  select nullif(split_part(:'failure', ' ', 1), '')::bigint as failed_at,
         nullif(substr(:'failure', strpos(:'failure', ' ') + 1), '') as failure,
         nullif(:'dropped', '')::bigint as wal_dropped_at,
         nullif(split_part(:'drill', ' ', 1), '')::bigint as drilled_at,
         split_part(:'drill', ' ', 2) = 'failed' as has_drill_failed,
         extract(epoch from now())::bigint as at
),
status as (
  select jsonb_build_object(
    'at', at, 'repository', :'repository'::text, 'intervalSeconds', :'interval_seconds'::int,
    'failedAt', failed_at, 'failure', failure, 'walDroppedAt', wal_dropped_at, 'drilledAt', drilled_at,
    'backups', coalesce((
      select jsonb_agg(jsonb_build_object('label', label, 'type', type, 'startedAt', started, 'endedAt', ended,
        'databaseBytes', database_bytes, 'storedBytes', stored_bytes, 'hasPageErrors', has_page_errors) order by ended)
      from backups), '[]')) as json
  from marks
),
metrics (name, help, labels, value) as (
  select 'sv_backup_last_completed_timestamp_seconds', 'When the last backup of this type was complete.',
         format('{type="%s"}', type), ended from latest_of_type
  union all select 'sv_backup_last_duration_seconds', 'How long the last backup of this type took.',
         format('{type="%s"}', type), ended - started from latest_of_type
  union all select 'sv_backup_last_size_bytes', 'What the last backup of this type takes in the repository.',
         format('{type="%s"}', type), stored_bytes from latest_of_type
  union all select 'sv_backup_database_size_bytes', 'Size of the cluster at the last backup.', '', database_bytes from latest
  union all select 'sv_backup_last_page_errors', '1: the last backup holds pages with a wrong checksum.',
         '', has_page_errors::int from latest
  union all select 'sv_backup_repository_size_bytes', 'What all backups take in the repository, without WAL.',
         '', coalesce(sum(stored_bytes), 0) from backups
  union all select 'sv_backups', 'Backups in the repository.', '', count(*) from backups
  union all select 'sv_backup_oldest_restorable_timestamp_seconds', 'The earliest moment that can be restored.',
         '', min(ended) from backups
  union all select 'sv_backup_last_failure_timestamp_seconds', 'When the last attempt failed; 0: it did not.',
         '', coalesce(failed_at, 0) from marks
  union all select 'sv_backup_wal_dropped_timestamp_seconds', 'When WAL was last dropped, as too much waited; 0: never.',
         '', coalesce(wal_dropped_at, 0) from marks
  union all select 'sv_backup_interval_seconds', 'How often a backup is made.', '', :'interval_seconds'::bigint
  union all select 'sv_backup_status_timestamp_seconds', 'When these figures were taken.', '', at from marks
  union all select 'sv_restore_drill_last_success_timestamp_seconds',
         'When a restore was last rehearsed with success; 0: never.', '', coalesce(drilled_at, 0) from marks
  union all select 'sv_restore_drill_last_failed', '1: the last rehearsal of a restore failed.',
         '', coalesce(has_drill_failed, false)::int from marks
)
select json::text from status
union all
(select format(E'# HELP %1$s %2$s\n# TYPE %1$s gauge\n%3$s', name, help, string_agg(name || labels || ' ' || value, E'\n'))
 from metrics where value is not null group by name, help order by name);
