#!/bin/sh
# Makes this standby the primary, or ends what an interrupted promotion has begun: all of it can be done twice. Writes
# wait for it, so it is one session.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
ask_limit_seconds=90

if is_standby && [ "${SYNC_REPLICATION:-off}" = on ]; then
  # No standby is left to confirm a write at first: the writes would hang.
  mark suspended
  write_synchronous
fi
# The slots are made before the next checkpoint, so that the WAL from here on is kept for those that are to follow.
ask_here --set=slots="$(peer_slots | xargs)" >/dev/null <<'SQL'
select pg_is_in_recovery() as is_standby \gset
\if :is_standby
  select pg_reload_conf();
  select pg_promote(true, 60) as is_promoted \gset
  \if :is_promoted
  \else
    do $$ begin raise exception 'the promotion did not end within 60 s'; end $$;
  \endif
\endif
select pg_drop_replication_slot(slot_name) from pg_replication_slots
where slot_name = any (string_to_array(:'slots', ' ')) and wal_status = 'lost' and not active;
select pg_create_physical_replication_slot(slot, true) from unnest(string_to_array(:'slots', ' ')) as slot
where slot not in (select slot_name from pg_replication_slots);
SQL
set_known_primary "$node"
