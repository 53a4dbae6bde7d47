#!/bin/sh
# One node of the database: prepares its data directory (first start, clone, rejoin), runs the server on it, and watches
# it. Everything that takes long is made beside PGDATA and moved there as the last step, so that what was interrupted is
# simply begun again.
lib=/usr/local/lib/sv-postgres
# shellcheck source=infra/postgres/common.sh
. $lib/common.sh
# shellcheck source=infra/postgres/process.sh
. $lib/process.sh
# shellcheck source=infra/postgres/init.sh
. $lib/init.sh
# shellcheck source=infra/postgres/clone.sh
. $lib/clone.sh
# shellcheck source=infra/postgres/rejoin.sh
. $lib/rejoin.sh
# shellcheck source=infra/postgres/watch.sh
. $lib/watch.sh
# shellcheck source=infra/postgres/usage.sh
. $lib/usage.sh

watch_seconds=2
two_primaries_seconds=5

need_secret() {
  [ -s "$SECRETS_PATH/$1" ] || fail "secret $1 is missing or empty; \`make up\` makes it"
}

# A data directory of another major version would be refused by the server with less helpful words.
check_version() {
  have=$(cat "$PGDATA/PG_VERSION")
  [ "$have" = "$PG_MAJOR" ] || fail "the data directory is of Postgres $have and this is $PG_MAJOR; see docs/operations/upgrade.md"
}

# What lies beside it is of before an upgrade, or of after one.
check_not_upgraded() {
  for major in $(other_majors); do
    [ "$major" -lt "$PG_MAJOR" ] ||
      fail "the data is of Postgres $major, and this is $PG_MAJOR: start it with the release that has upgraded it, or go back to the data of before: make rollback DATA=1 (docs/operations/upgrade.md)"
  done
}

# Does nothing but wait, so that nothing starts it again and again.
wait_while_fenced() {
  if ! is_marked fenced; then return 0; fi
  say "fenced, the server is not started: $(cat "$marks/fenced")"
  say 'make rejoin brings this node back, as a standby'
  while is_marked fenced; do pause 1; done
}

# An empty volume.
first_start() {
  primary=$(known_primary)
  older=$(other_majors | tail -n 1)
  if [ -n "$older" ] && { [ "$primary" = "$node" ] || [ -z "$primary" ]; }; then
    fail "the data is of Postgres $older, and this is $PG_MAJOR: make upgrade, with the checkout of this release (docs/operations/upgrade.md)"
  elif [ "$primary" = "$node" ]; then
    # A new, empty cluster in the place of the data would look healthy.
    mark fenced 'this node is the primary of the stack, and its volume is empty: promote a standby that has the data by make failover, or restore a backup'
  elif [ -n "$primary" ] || [ "${POSTGRES_ROLE:-primary}" = replica ]; then
    clone
  else
    init_primary
  fi
}

# Two primaries would each acknowledge writes that the other one lacks.
check_only_primary() {
  primary=$(known_primary)
  if [ -n "$primary" ] && [ "$primary" != "$node" ]; then
    mark fenced "$primary is the primary now"
    return
  fi
  for peer in $(printf '%s' "$peers" | tr , ' '); do
    # A peer that does not answer is not one, as far as anybody can tell.
    timeline=$(ask "host=$peer port=$port user=sv_replicator" --command="
      select case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end" 2>/dev/null) || timeline=''
    [ -n "$timeline" ] || continue
    # Of eight hexadecimal digits, the later one is the greater string.
    if [ "$timeline" != "$(own_timeline)" ] && [ "$(printf '%s\n' "$timeline" "$(own_timeline)" | sort | tail -n 1)" = "$timeline" ]; then
      mark fenced "$peer was promoted meanwhile, and is the primary now"
    else
      say "refusing to be a second primary beside $peer: stop that one first, or make this one its standby"
      pause $two_primaries_seconds
      check_only_primary
    fi
    return
  done
  [ -n "$primary" ] || set_known_primary "$node"
}

# Archiving and backups (backup-*.sh), which are off where no repository is named. Their faults never keep Postgres away.
archive_mode=off
start_backups() {
  if [ "$archive_mode" = on ] || [ "${BACKUP_REPOSITORY:-off}" = off ]; then return 0; fi
  archive_mode=on
  backup-start.sh
}

prepare() {
  check_not_upgraded
  wait_while_fenced
  if is_marked clone; then
    clone
  elif is_marked rejoin; then
    rejoin
  elif [ ! -s "$PGDATA/PG_VERSION" ]; then
    first_start
  fi
}

is_marked_to_stop() { is_marked fenced || is_marked clone || is_marked rejoin; }

# What prepare() has begun and could not end is still marked.
is_ready() {
  if is_marked_to_stop; then return 1; fi
  check_version
  is_standby || check_only_primary
  ! is_marked fenced
}

serve() {
  write_synchronous
  start_backups
  if is_standby; then
    forget_slots
    need_secret db_replication_password
    : "${peers:?POSTGRES_NODES (or PRIMARY_HOST) must name another node}" "${slot:?REPLICATION_SLOT is missing}"
  fi
  # A node becomes the other thing without a restart, so it knows all of this from the start.
  if [ -n "$peers" ]; then
    set -- -c "primary_conninfo=$streaming_conninfo passfile=$PGPASSFILE application_name=$slot" \
      -c "primary_slot_name=$slot" "$@"
  fi
  postgres -D "$PGDATA" -c config_file=$etc/postgresql.conf -c hba_file=$etc/pg_hba.conf \
    -c max_connections="${MAX_CONNECTIONS:-${PLANNED_POSTGRES_MAX_CONNECTIONS:-100}}" -c shared_buffers="${SHARED_BUFFERS:-128MB}" \
    -c max_slot_wal_keep_size="${MAX_SLOT_WAL_KEEP_SIZE:-4GB}" -c archive_mode="$archive_mode" "$@" &
  child=$!
  # A fast shutdown, also when Docker sends SIGTERM.
  child_signal=INT
  while kill -0 "$child" 2>/dev/null && [ -z "$is_stopping" ] && ! is_marked_to_stop; do
    pause $watch_seconds
    # In a shell of its own, so that nothing that it finds missing ends this one.
    (write_usage) 2>/dev/null || :
    if is_standby; then watch_standby; else watch_primary; fi
  done
  # By whomever it was marked, this one or `docker exec`; it may be stopping already.
  if is_marked_to_stop; then kill -INT "$child" 2>/dev/null || :; fi
  code=0
  finish_child || code=$?
  is_marked_to_stop || exit "$code"
}

case ${POSTGRES_ROLE:-primary} in
  primary | replica) ;;
  *) fail "POSTGRES_ROLE must be primary or replica, not \"$POSTGRES_ROLE\"" ;;
esac
trap on_stop INT TERM
# Of a server that was killed with its container. Processes are numbered anew in each, so its number may be another one's here
# (the scheduler's of backups, say), and Postgres would not start, again and again. It protects from nothing: a server in a
# second container on this volume would not be seen by its number, either.
rm -f "$PGDATA/postmaster.pid"
mkdir -p "$marks"
write_passwords
while :; do
  prepare
  if is_ready; then serve "$@"; fi
done
