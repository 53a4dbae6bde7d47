#!/bin/sh
# A rehearsal, in a scratch container on a scratch volume, without a network to the live stack: restores to the restore
# point NAME, then compares with what the primary held at that moment (stdin, from backup-expect.sh), checks every page's
# checksum, and every table and index. backup-drill.sh NAME SET
set -eu
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh
# shellcheck source=infra/postgres/backup-recover.sh
. /usr/local/bin/backup-recover.sh

name=$1 set=$2
started=$(date +%s)
# Only a whole pass ends with 0.
trap '[ $? -eq 0 ] || say "FAILED after $(($(date +%s) - started)) s" >&2' EXIT
backup-configure.sh
cat >/tmp/expected
[ -s /tmp/expected ] || die 'no expectations came on stdin'
(umask 077 && mkdir -p "$PGDATA")
pgbackrest --set="$set" --type=name --target="$name" --target-action=promote restore
say "restored $set in $(($(date +%s) - started)) s; replaying WAL up to $name"
recover "$PGDATA"
ASK_DATABASE=sv ask --single-transaction --file="$etc/backup-checksums.sql" | sort >/tmp/found
diff /tmp/expected /tmp/found >/tmp/differences || {
  say 'these tables differ (<: the primary, >: restored; rows, checksum):' >&2
  grep '^[<>]' /tmp/differences >&2
  exit 1
}
say "$(wc -l </tmp/found) tables with $(awk '{ rows += $2 } END { print rows }' /tmp/found) rows are the same"
pg_amcheck --host=/tmp --username=postgres --all --install-missing --no-dependent-toast >/tmp/amcheck 2>&1 ||
  { cat /tmp/amcheck >&2; die 'pg_amcheck found faults'; }
pg_ctl --pgdata="$PGDATA" --mode=fast --silent --wait stop
pg_checksums --check --pgdata="$PGDATA" >/tmp/checksums 2>&1 || { cat /tmp/checksums >&2; die 'pages are damaged'; }
say "passed in $(($(date +%s) - started)) s: tables and indexes are sound, all page checksums hold"
