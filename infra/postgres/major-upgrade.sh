#!/bin/sh
# The steps from the data of an older major version to this image's, in a container that has the programs of both
# (major-upgrade.Dockerfile), on the volumes of a stopped node. infra/host/postgres-major.sh has their order. What is live is
# not touched before `commit`, which renames; each step may be run again.
#   bytes FROM      how large the data is, and how much room there is beside it
#   check FROM      what pg_upgrade has against it, while its server serves (its process is number 1 here)
#   prepare FROM    the data as this version's, copied and tried beside the live data
#   commit FROM     the live data moves aside, the copy takes its place
#   state           upgraded, or not
#   kept FROM       fails where the data from before is not kept any more
#   drop FROM       of a standby, which then clones the primary anew
set -eu
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
# shellcheck source=infra/postgres/init.sh
. /usr/local/lib/sv-postgres/init.sh

step=${1-} from=${2-}
versions=${PGDATA%/*/*}
old_data=$versions/$from/${PGDATA##*/}
old_programs=/usr/lib/postgresql/$from/bin
new_programs=/usr/lib/postgresql/$PG_MAJOR/bin
work=/tmp/major-upgrade
server_options="-c hba_file=$etc/pg_hba_restore.conf -c shared_preload_libraries=pg_stat_statements"

# What it says comes at the end of its output, and in files that it names.
pg_upgrade_from() {
  old=$1
  shift
  rm -rf "$work" && mkdir -p "$work" && cd "$work"
  "$new_programs/pg_upgrade" --old-bindir="$old_programs" --new-bindir="$new_programs" --old-datadir="$old" --new-datadir="$new" \
    --username=postgres --jobs="$(nproc)" --old-options="$server_options" --new-options="$server_options" "$@" >"$work/output" 2>&1 || {
    grep -v 'ok$' "$work/output" >&2
    find "$new/pg_upgrade_output.d" -name '*.txt' -exec cat {} + 2>/dev/null | head -n 20 >&2
    fail "pg_upgrade refuses, or failed: $(tail -n 1 "$work/output")"
  }
}

make_new_cluster() {
  # shellcheck disable=SC2086,SC2154 # init.sh
  "$new_programs/initdb" --pgdata="$new" --pwfile="$SECRETS_PATH/postgres_password" $cluster_options >/tmp/initdb.log ||
    { cat /tmp/initdb.log >&2; exit 1; }
}

check_programs() {
  "$old_programs/postgres" --version >/dev/null 2>"/tmp/programs" ||
    fail "the programs of Postgres $from do not run beside those of $PG_MAJOR: $(tail -n 1 /tmp/programs)"
}

check() {
  check_programs
  # pg_upgrade asks the server where its process file says: on its socket, which is in another container's /tmp.
  ln -sf "/proc/1/root/tmp/.s.PGSQL.5432" /tmp/.s.PGSQL.5432
  # It looks at a new cluster, too; an empty one on this container's own memory.
  new=/tmp/new-cluster
  make_new_cluster
  pg_upgrade_from "$old_data" --check
}

prepare() {
  check_programs
  [ -s "$old_data/PG_VERSION" ] || fail "there is no data of Postgres $from here"
  rm -rf "$new" && mkdir -p "$(dirname "$PGDATA")"
  make_new_cluster
  # Copies: what is there stays whole, and is the way back.
  pg_upgrade_from "$old_data" --copy
  # `alter system` is a person's.
  cp -p "$old_data/postgresql.auto.conf" "$new/postgresql.auto.conf"
  # Tried with the settings that it will run with.
  "$new_programs/pg_ctl" --pgdata="$new" --wait --silent --log="$work/server" \
    --options="-c config_file=$etc/postgresql.conf -c hba_file=$etc/pg_hba_restore.conf -c listen_addresses='' -c archive_mode=off -c synchronous_standby_names=''" \
    start || { tail -n 10 "$work/server" >&2; fail "Postgres $PG_MAJOR does not start on it"; }
  if [ -s "$work/update_extensions.sql" ]; then ask_here --file="$work/update_extensions.sql" >/dev/null; fi
  # pg_upgrade brings the planner's statistics with it, except for a few.
  "$new_programs/vacuumdb" --host=/tmp --username=postgres --all --analyze-in-stages --missing-stats-only --quiet
  "$new_programs/pg_ctl" --pgdata="$new" --wait --silent --mode=fast stop
}

# Interrupted between the two, the new one is live.
commit() {
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ -s "$new/PG_VERSION" ] || fail 'nothing is prepared'
    mv "$new" "$PGDATA"
  fi
  # As a restore puts it aside, so that the old version's image finds it (backup-restore.sh undo).
  [ ! -d "$old_data" ] || mv "$old_data" "$old_data.before-restore-$(date -u +%Y%m%dT%H%M%SZ)"
  rm -rf "$marks"
  mkdir -p "$marks"
  touch "$marks/stanza"
  sync
}

write_passwords
case $step in
  bytes) du -sk "$old_data" | awk '{ printf "%d ", $1 * 1024 }' && df -Pk "$versions" | awk 'NR == 2 { print $4 * 1024 }' ;;
  check) check ;;
  prepare) prepare ;;
  commit) commit ;;
  state) if [ -s "$PGDATA/PG_VERSION" ]; then echo upgraded; else echo not; fi ;;
  kept) ls -d "$old_data.before-restore-"* >/dev/null 2>&1 || [ -s "$old_data/PG_VERSION" ] ;;
  drop) rm -rf "${versions:?}/${from:?}" "$PGDATA" "$new" "$marks" ;;
  *) fail "bytes, check, prepare, commit, state, kept or drop is expected, not \"$step\"" ;;
esac
