#!/bin/sh
# What is in the repository, and how the last attempt went: as metrics (backup.prom) and for `sdk db status`
# (status.json). backup-status.sh [--succeeded | --failed REASON | --drilled passed|failed]
set -eu
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

case ${1-} in
  --succeeded) : | put_status failure ;;
  --failed) printf '%s %s\n' "$(date +%s)" "$2" | put_status failure ;;
  --drilled)
    # A failed one keeps the time of the last that passed.
    passed_at=$(cut -d' ' -f1 "$BACKUP_STATUS/drill" 2>/dev/null || :)
    [ "$2" = failed ] || passed_at=$(date +%s)
    printf '%s %s\n' "${passed_at:-0}" "$2" | put_status drill
    ;;
esac
# Where the repository doesn't answer, what it last told stands: with its time, whose age is an alert.
timeout 60 pgbackrest --output=json info >/tmp/backup-info.json
put_status info.json </tmp/backup-info.json
for name in failure wal-dropped drill; do
  [ -e "$BACKUP_STATUS/$name" ] || : | put_status "$name"
done
answer=$(ask --set=repository="$BACKUP_REPOSITORY" --set=interval_seconds=$((${BACKUP_INCREMENTAL_HOURS:-24} * 3600)) \
  --file="$etc/backup-status.sql")
printf '%s\n' "$answer" | head -n 1 | put_status status.json
printf '%s\n' "$answer" | tail -n +2 | put_status backup.prom
