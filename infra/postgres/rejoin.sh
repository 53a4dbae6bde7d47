# shellcheck shell=sh
# shellcheck disable=SC2154 # what is not assigned here is in common.sh and process.sh
# Sourced by the entrypoint: a node whose data went another way than the primary's becomes its standby. By pg_rewind,
# which copies only what differs; where that is impossible, by a new copy.

rejoin() {
  need_secret postgres_password
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    say 'no data here to rewind: a new copy of the primary is made'
    clone
    return
  fi
  if is_marked rewinding; then
    say 'an interrupted pg_rewind has left a data directory that nothing can be made of: a new copy of the primary is made'
    clone
    return
  fi
  wait_for_primary
  make_slot
  say "rewinding to where the primary at $peers went another way"
  mark rewinding
  # A server that was killed is recovered first, by pg_rewind itself.
  if run pg_rewind --target-pgdata="$PGDATA" --config-file="$etc/postgresql.conf" --no-sync \
    --source-server="host=$peers port=$port user=postgres dbname=postgres target_session_attrs=read-write" \
    >/tmp/rewind.log 2>&1; then
    sed 's/^/  /' /tmp/rewind.log
    touch "$PGDATA/standby.signal"
    forget_slots
    sync -f "$PGDATA"
    unmark rewinding rejoin suspended synchronous
    say 'rewound'
  else
    sed 's/^/  /' /tmp/rewind.log >&2
    say 'pg_rewind is impossible, as it says above: a new copy of the primary is made instead'
    clone
  fi
}
