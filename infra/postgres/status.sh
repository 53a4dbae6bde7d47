#!/bin/sh
# One line about this node: what it is, its timeline, its position as a number of bytes, and in words.
#   primary TIMELINE BYTES LSN | standby TIMELINE BYTES LSN streaming|alone | fenced - - REASON | preparing - - WHAT | silent - - -
# A standby's position is up to where it has the primary's WAL on its disk: a promotion replays all of that.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh

if is_marked fenced; then echo "fenced - - $(cat "$marks/fenced")"; exit 0; fi
if is_marked clone; then echo 'preparing - - cloning'; exit 0; fi
if is_marked rejoin; then echo 'preparing - - rejoining'; exit 0; fi
ask_limit_seconds=5
ask_here --field-separator=' ' 2>/dev/null <<'SQL' || echo 'silent - - -'
select case when pg_is_in_recovery() then 'standby' else 'primary' end,
       case when pg_is_in_recovery()
         then (select upper(lpad(to_hex(greatest(timeline_id, (select received_tli from pg_stat_wal_receiver))), 8, '0')) from pg_control_checkpoint())
         else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
       pg_wal_lsn_diff(position, '0/0'), position,
       case when not pg_is_in_recovery() then ''
            when exists (select from pg_stat_wal_receiver where status = 'streaming') then 'streaming' else 'alone' end
from (select case when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                  else pg_current_wal_lsn() end as position) as here;
SQL
