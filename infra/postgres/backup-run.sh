#!/bin/sh
# One backup now: backup-run.sh full|diff|incr. One after another: a second call waits for the first. Afterwards what is
# older than the retention is gone (pgBackRest expires by itself), and the metrics tell how it went.
set -eu
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

type=${1-}
case $type in full | diff | incr) ;; *) die "full, diff or incr is expected, not \"$type\"" ;; esac
[ "${BACKUP_REPOSITORY:-off}" != off ] || die 'backups are off (BACKUP_REPOSITORY=off)'
case $(ask --command='select pg_is_in_recovery()' 2>&1) in
  f) ;;
  t) die 'this server is a replica; backups are made on the primary' ;;
  *) die 'Postgres does not answer here' ;;
esac
exec 9>/tmp/backup.lock
flock -w 7200 9 || die 'another backup has been running for two hours'
backup-configure.sh
started=$(date +%s)
# Of a failed one the next goes on where it stopped (pgBackRest resumes by itself).
if fault=$(gently pgbackrest --type="$type" backup 2>&1); then
  [ -z "$fault" ] || printf '%s\n' "$fault" >&2
  backup-status.sh --succeeded
  say "made in $(($(date +%s) - started)) s: $(pgbackrest --output=text info | awk '/ backup: / { last = $0 } END { sub(/^ +/, "", last); print last }')"
else
  printf '%s\n' "$fault" >&2
  backup-status.sh --failed "$(printf '%s\n' "$fault" | grep -m 1 'ERROR' || echo 'the backup was ended')"
  die "the $type backup failed"
fi
