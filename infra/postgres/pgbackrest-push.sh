#!/bin/sh
# archive_command (pgBackRest asks for its name in it): one segment of WAL into the repository. Fails as pgBackRest does; Postgres then keeps the segment and
# tries again, and past BACKUP_WAL_QUEUE_MAX pgBackRest drops it rather than fill the disk. That would look like a
# success, so it is written down, for the alert and for the scheduler, which then makes a new backup.
set -u
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

answer=$(gently pgbackrest archive-push "$1" 2>&1) && code=0 || code=$?
[ -z "$answer" ] || printf '%s\n' "$answer" >&2
case $answer in *'dropped WAL file'*) date +%s | put_status wal-dropped ;; esac
exit "$code"
