# shellcheck shell=sh
# shellcheck disable=SC2154 # what is not assigned here is in common.sh and process.sh
# Sourced by the entrypoint: what a running node notices by itself, every few seconds. A mark stops its server.

# A slot that nobody reads for so many looks is looked into.
patience_looks=5
idle_looks=0

# A standby whose WAL the primary no longer has will never go on; nor will one that has replayed what the primary,
# promoted elsewhere, never had.
watch_standby() {
  # A primary that is away is no reason to do anything.
  status=$(ask_primary --set=slot="$slot" 2>/dev/null <<'SQL'
select coalesce((select case when wal_status = 'lost' then 'lost' when active then 'active' else 'idle' end
                 from pg_replication_slots where slot_name = :'slot'), 'missing');
SQL
  ) || return 0
  case $status in
    active) idle_looks=0 ;;
    lost)
      mark clone
      say "the slot $slot is lost: the primary has thrown away what this standby needs, which is cloned anew"
      ;;
    missing)
      say "the primary has no slot $slot: making it"
      make_slot || say 'it could not be made; trying again'
      ;;
    idle)
      idle_looks=$((idle_looks + 1))
      [ "$idle_looks" -ge "$patience_looks" ] || return 0
      idle_looks=0
      if reason=$(why_not_streaming); then
        mark rejoin
        say "$reason"
      fi
      ;;
  esac
}

# Says why this standby can't stream from the primary; fails when it could, or when that isn't known.
why_not_streaming() {
  is_same_cluster || return 1
  position=$(ask_here --command="select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())") || return 1
  [ -n "$position" ] || return 1
  ask "host=$peers port=$port user=postgres target_session_attrs=read-write" --set=position="$position" \
    --set=timeline="$(own_timeline)" 2>/dev/null >/tmp/why <<'SQL' || return 1
with here as (
  select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
         div(pg_wal_lsn_diff(:'position', '0/0'), setting::numeric)::bigint as segment,
         4294967296 / setting::bigint as segments_per_file
  from pg_settings where name = 'wal_segment_size'
), fork as (
  -- Lines of a history: timeline, position at which the next one began, reason.
  select split_part(line, E'\t', 2)::pg_lsn as position
  from here, regexp_split_to_table(
    case when here.timeline > :'timeline' then pg_read_file('pg_wal/' || here.timeline || '.history', true) end, E'\n') as line
  where line ~ '^\d+\t' and upper(lpad(to_hex(split_part(line, E'\t', 1)::int), 8, '0')) = :'timeline'
), oldest as (
  select min(substr(name, 9)) as segment from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'
)
select case
  when exists (select from fork where fork.position < :'position'::pg_lsn)
    then 'the primary went another way before ' || :'position' || ', where this standby is: rejoining'
  when oldest.segment > upper(lpad(to_hex(here.segment / segments_per_file), 8, '0') || lpad(to_hex(here.segment % segments_per_file), 8, '0'))
    then 'the primary has thrown away the WAL from ' || :'position' || ' on, which this standby needs: rejoining'
end
from here, oldest;
SQL
  [ -s /tmp/why ] && [ -n "$(cat /tmp/why)" ] || return 1
  cat /tmp/why
}

watch_primary() {
  give_way
  if is_marked suspended; then wait_for_standby_again; fi
}

# Promoted by hand, say: whoever runs beside the primary that everybody knows takes writes that nobody else will have.
give_way() {
  primary=$(known_primary)
  if [ -z "$primary" ] || [ "$primary" = "$node" ]; then return 0; fi
  if [ "$(ask "host=$primary port=$port user=sv_replicator" --command='select pg_is_in_recovery()' 2>/dev/null)" != f ]; then return 0; fi
  # It may take seconds to answer. A failover that has fenced this one meanwhile may be followed by a rejoin already,
  # which must not find it fenced again.
  is_marked_to_stop || mark fenced "$primary is the primary now"
}

# After a failover nobody could have confirmed a write, so none waited. Now a standby streams again.
wait_for_standby_again() {
  streaming=$(ask_here <<SQL
select count(*) from pg_stat_replication
where state = 'streaming' and application_name = any (string_to_array('$(peer_slots | xargs)', ' '))
  and pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) < 16 * 1024 * 1024;
SQL
  ) || return 0
  [ "$streaming" -gt 0 ] || return 0
  unmark suspended
  write_synchronous
  ask_here --command='select pg_reload_conf()' >/dev/null
  say 'a standby streams again: writes wait for it from here on (SYNC_REPLICATION=on)'
}
