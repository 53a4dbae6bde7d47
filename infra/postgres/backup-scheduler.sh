#!/bin/sh
# Beside Postgres on every node: acts where the server is the primary, so backups go on after a failover. Once a minute
# it asks what is due (backup-due.sql) and keeps the metrics fresh.
set -u
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

LOOK_SECONDS=${BACKUP_LOOK_SECONDS:-60}
# The first backup need not compete with the start of the stack.
sleep "${BACKUP_FIRST_DELAY_SECONDS:-30}"
last_fault=''

look() {
  # No answer: Postgres is starting, or a clone is being made.
  [ "$(ask --command='select not pg_is_in_recovery()' 2>/dev/null)" = t ] || return 0
  backup-configure.sh || return 1
  # Does nothing where there is one.
  fault=$(timeout 60 pgbackrest stanza-create 2>&1) || {
    # Once, not every minute.
    [ "$fault" = "$last_fault" ] || printf '%s\n' "$fault" >&2
    last_fault=$fault
    backup-status.sh --failed "$(printf '%s\n' "$fault" | head -n 1)"
    return 1
  }
  last_fault=''
  backup-status.sh
  due=$(ask --set=incremental_hours="${BACKUP_INCREMENTAL_HOURS:-24}" --set=full_days="${BACKUP_FULL_DAYS:-7}" \
    --file="$etc/backup-due.sql") || return 1
  [ -z "$due" ] || backup-run.sh "$due"
}

while :; do
  look || :
  sleep "$LOOK_SECONDS"
done
