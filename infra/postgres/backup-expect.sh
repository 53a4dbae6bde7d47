#!/bin/sh
# On the live primary, for a rehearsal: counts and checksums of every table at one exact moment, and a restore point of
# that moment in the WAL. backup-expect.sh NAME prints `schema.table rows checksum`, sorted.
set -eu
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

[ "${BACKUP_REPOSITORY:-off}" != off ] || die 'backups are off (BACKUP_REPOSITORY=off)'
tries=0
until ASK_DATABASE=sv ask --set=name="$1" --file="$etc/backup-expect.sql" >/tmp/expected 2>/tmp/expect-error; do
  grep -q 'canceling statement due to statement timeout' /tmp/expect-error || die "$(cat /tmp/expect-error)"
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || die 'for a minute no moment was found in which no transaction writes; try again when less is going on'
  sleep 1
done
# The restore point is in the archive when this segment is.
segment=$(ask --command='select pg_walfile_name(pg_switch_wal())')
tries=0
until [ "$(ask --set=segment="$segment" <<'SQL'
select last_archived_wal >= :'segment' and right(last_archived_wal, 8) !~ '[^0-9A-F]' from pg_stat_archiver
SQL
)" = t ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 120 ] || die "the WAL is not archived after a minute ($segment): see the runbook wal-archiving-failing.md"
  sleep 0.5
done
sort /tmp/expected
