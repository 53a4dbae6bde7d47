-- What is due now: full, incr, or nothing (an empty answer). From what the repository tells (info.json).
\set info `cat "$BACKUP_STATUS/info.json"`
\set failure `cut -d' ' -f1 "$BACKUP_STATUS/failure"`
\set dropped `cat "$BACKUP_STATUS/wal-dropped"`
with backups as (
  select backup ->> 'type' as type,
         to_timestamp((backup #>> '{timestamp,start}')::bigint) as started,
         to_timestamp((backup #>> '{timestamp,stop}')::bigint) as ended,
         left(backup #>> '{archive,stop}', 8) as timeline
  from jsonb_array_elements(:'info'::jsonb #> '{0,backup}') as backup
),
facts as (
  select max(started) filter (where type = 'full') as full_started,
         max(started) as any_started,
         max(ended) as any_ended,
         (array_agg(timeline order by ended desc))[1] as timeline
  from backups
)
select case
         -- After a failure there is no hurry: the alert has been raised, and the cause is not gone within a minute.
         when now() < to_timestamp(nullif(:'failure', '')::bigint) + interval '10 minutes' then ''
         when full_started is null or now() >= full_started + :'full_days'::int * interval '1 day' then 'full'
         when now() >= any_started + :'incremental_hours'::int * interval '1 hour' then 'incr'
         -- After a failover or a restore the way from the last backup leads over two timelines; a new one is simpler.
         when timeline <> left(pg_walfile_name(pg_current_wal_lsn()), 8) then 'incr'
         -- WAL was dropped: nothing after it can be restored until there is a backup of it.
         when to_timestamp(nullif(:'dropped', '')::bigint) >= any_started then 'incr'
         else ''
       end
from facts;
