# shellcheck shell=sh
# Sourced: a restored data directory recovers, and answers only in this container. recover DIRECTORY
# WAL of its new timeline is kept for the archive (.ready) and not sent there: a timeline that never goes live must not
# be found by a later restore.
recover() {
  # The last two as the primary has them: with less room than the WAL speaks of, Postgres does not recover.
  # shellcheck disable=SC2154 # backup-common.sh
  postgres -D "$1" -c config_file="$etc/postgresql.conf" -c hba_file="$etc/pg_hba_restore.conf" -c listen_addresses='' \
    -c archive_mode=on -c archive_command='' -c hot_standby=off \
    -c max_connections="${MAX_CONNECTIONS:-${PLANNED_POSTGRES_MAX_CONNECTIONS:-100}}" -c shared_buffers="${SHARED_BUFFERS:-128MB}" >/tmp/recovery.log 2>&1 &
  server=$!
  until pg_isready --quiet --host=/tmp --username=postgres; do
    if ! kill -0 "$server" 2>/dev/null; then
      grep -E 'FATAL|PANIC|ERROR' /tmp/recovery.log | tail -n 5 >&2
      die 'the recovery did not reach its goal'
    fi
    sleep 0.2
  done
  grep -hE 'redo (starts|done)|recovery stopping|last completed transaction|selected new timeline' /tmp/recovery.log |
    sed 's/^.*LOG:  /   /' || :
}
