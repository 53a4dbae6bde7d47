# shellcheck shell=sh
# shellcheck disable=SC2154 # what is not assigned here is in common.sh and process.sh
# Sourced by the entrypoint: a copy of the primary, whole or begun anew.

# As long as it takes: a standby without a primary has nothing to do.
wait_for_primary() {
  waited=0
  until ask_primary --command='select 1' >/dev/null 2>/tmp/primary-error; do
    if [ $((waited % 30)) -eq 0 ]; then say "waiting for a primary at $peers: $(tail -n 1 /tmp/primary-error)"; fi
    waited=$((waited + 1))
    pause 1
  done
}

# A slot of its own keeps on the primary what this standby still needs, up to max_slot_wal_keep_size. One that was
# given up is of no use to anybody.
make_slot() {
  ask_primary --set=slot="$slot" >/dev/null <<'SQL'
select pg_drop_replication_slot(slot_name) from pg_replication_slots
where slot_name = :'slot' and wal_status = 'lost' and not active;
select pg_create_physical_replication_slot(:'slot', true)
where not exists (select from pg_replication_slots where slot_name = :'slot');
SQL
}

# Data of another cluster may be the only copy of itself: it is never replaced by itself.
is_same_cluster() {
  theirs=$(ask_primary --command='select system_identifier from pg_control_system()') || return 2
  ours=$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
  [ "$theirs" = "$ours" ]
}

# The mark stands from before the first change until the copy is in its place, so that an interrupted clone is begun
# anew, and never taken for an empty volume or for data.
clone() {
  need_secret db_replication_password
  mark clone
  wait_for_primary
  if [ -s "$PGDATA/PG_VERSION" ] && [ -s "$PGDATA/global/pg_control" ]; then
    code=0
    is_same_cluster || code=$?
    case $code in
      0) ;;
      1) mark fenced "the primary at $peers is another database cluster, and these data may be the only copy of theirs: make failover to serve them, or remove this node's volume to copy that primary"
        return ;;
      # The primary went away meanwhile.
      *) return ;;
    esac
  fi
  say "cloning the primary at $peers"
  rm -rf "$new"
  make_slot
  run pg_basebackup --dbname="$streaming_conninfo" --pgdata="$new" \
    --wal-method=stream --slot="$slot" --checkpoint=fast --no-password \
    || { say 'the copy failed; it is begun anew in 5 s'; pause 5; return 0; }
  touch "$new/standby.signal"
  sync "$new" "$new/standby.signal"
  rm -rf "$PGDATA.old"
  [ ! -e "$PGDATA" ] || mv "$PGDATA" "$PGDATA.old"
  mv "$new" "$PGDATA"
  sync "$(dirname "$PGDATA")"
  unmark clone rejoin rewinding suspended synchronous
  rm -rf "$PGDATA.old"
  say 'cloned'
}
