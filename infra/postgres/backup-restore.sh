#!/bin/sh
# The steps of a restore, in a container of its own on the volumes of a stopped node (infra/host/restore.sh has their
# order). What is live is not touched before `commit`, which renames; each step may be run again.
#   describe            what is in the repository and on this node, as JSON
#   prepare             restores and recovers beside the live data (RESTORE_SET, RESTORE_TO, RESTORE_TIMELINE)
#   commit REQUEST      the live data moves aside, the restored takes its place
#   started             the stack runs on it
#   undo                the last that moved aside comes back, also in the place of what a later major version made of it
#   drop-data           of a replica, which then clones the primary anew
#   drop-copies         what moved aside
set -eu
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh
# shellcheck source=infra/postgres/backup-recover.sh
. /usr/local/bin/backup-recover.sh

new=$PGDATA.restored
# Names the request that the live data comes from, until the stack has been started with it.
mark=$(dirname "$PGDATA")/restore-committed
copies=$PGDATA.before-restore-

# What was said of the node before (fenced, to be cloned …, common.sh) was said of other data.
forget_marks() { rm -rf /var/lib/postgresql/marks; }
# The node with the restored data is the primary, for the others and for PgBouncer.
name_primary() { [ ! -d /topology ] || printf '%s\n' "${NODE_NAME:-$(hostname)}" >/topology/primary; }

control() { pg_controldata "$1" | sed -n "s/^$2: *//p"; }
# Their names end with the time, so the last is the newest.
newest_copy() {
  newest=''
  for copy in "$copies"*; do [ ! -d "$copy" ] || newest=$copy; done
  printf '%s' "$newest"
}

describe() {
  timeline=null ancestors='' state=''
  if [ -s "$PGDATA/PG_VERSION" ]; then
    timeline=$(control "$PGDATA" "Latest checkpoint's TimeLineID")
    state=$(control "$PGDATA" 'Database cluster state')
    history=$PGDATA/pg_wal/$(printf '%08X' "$timeline").history
    [ ! -e "$history" ] || ancestors=$(awk '/^[0-9]/ { printf "%s%s", separator, $1; separator = "," }' "$history")
  fi
  printf '{"timeline":%s,"ancestors":[%s],"clusterState":"%s","committed":"%s","copy":"%s","info":%s}\n' \
    "$timeline" "$ancestors" "$state" "$(cat "$mark" 2>/dev/null || :)" "$(newest_copy)" \
    "$(pgbackrest --output=json info)"
}

# What a server that died had not archived yet is still on its disk: the last seconds before it died.
archive_rest() {
  [ -d "$PGDATA/pg_wal/archive_status" ] || return 0
  for ready in "$PGDATA"/pg_wal/archive_status/*.ready; do
    [ -e "$ready" ] || continue
    segment=$(basename "$ready" .ready)
    pgbackrest archive-push "$PGDATA/pg_wal/$segment" >&2 || {
      say "could not archive $segment, which a restore to the latest moment may lack" >&2
      return 0
    }
  done
}

check_space() {
  needed=$(($1 / 1024)) free=$(df -Pk /var/lib/postgresql | awk 'NR == 2 { print $4 }')
  # A tenth more: WAL while it recovers.
  [ "$free" -gt $((needed * 11 / 10)) ] ||
    die "the restored data needs $((needed / 1024)) MiB beside the present one, and $((free / 1024)) MiB are free: free some, or KEEP=0 make restore, which removes the present data first"
}

# Puts right what the past doesn't know, where nobody can connect yet.
update_the_past() {
  is_past=false
  [ -z "${RESTORE_TO-}${RESTORE_LOSSY-}" ] || is_past=true
  ask --set=is_past="$is_past" --set=restored_to="${RESTORE_TO:-latest}" \
    --set=retry_uncertain="${EMAIL_RETRY_UNCERTAIN:-true}" --file="$etc/after-restore.sql"
}

prepare() {
  backup-configure.sh
  rm -rf "$new"
  archive_rest
  [ "${RESTORE_KEEP:-1}" = 1 ] || rm -rf "$PGDATA"
  check_space "$RESTORE_BYTES"
  (umask 077 && mkdir -p "$new")
  started=$(date +%s)
  set -- --pg1-path="$new" --set="$RESTORE_SET"
  # To the latest moment there is no target: Postgres promotes where the WAL ends.
  [ -z "${RESTORE_TO-}" ] || set -- "$@" --type=time --target="$RESTORE_TO" --target-action=promote
  [ -z "${RESTORE_TIMELINE-}" ] || set -- "$@" --target-timeline="$RESTORE_TIMELINE"
  pgbackrest "$@" restore
  say "copied from $RESTORE_SET in $(($(date +%s) - started)) s; replaying WAL"
  recover "$new"
  update_the_past
  pg_ctl --pgdata="$new" --mode=fast --silent --wait stop
  say "ready after $(($(date +%s) - started)) s"
}

commit() {
  [ -s "$new/PG_VERSION" ] || die 'nothing is prepared'
  if [ -d "$PGDATA" ]; then
    copy=$copies$(date -u +%Y%m%dT%H%M%SZ)
    mv "$PGDATA" "$copy"
    say "the data before the restore is kept in $copy"
  fi
  printf '%s' "$1" >"$mark"
  mv "$new" "$PGDATA"
  forget_marks
  name_primary
  sync
}

drop_later_majors() {
  for later in "${PGDATA%/*/*}"/[1-9]*; do
    if [ "${later##*/}" -gt "$PG_MAJOR" ]; then
      rm -rf "$later"
      # The backups' repository has had that one's system identifier since (backup-start.sh).
      mkdir -p /var/lib/postgresql/marks && touch /var/lib/postgresql/marks/stanza
    fi
  done
}

undo() {
  copy=$(newest_copy)
  [ -n "$copy" ] || die 'no data from before a restore is kept on this node'
  # Where something was sent and ended since: RESTORE_TO says when that was.
  if [ -n "${RESTORE_TO-}" ]; then
    recover "$copy"
    update_the_past
    pg_ctl --pgdata="$copy" --mode=fast --silent --wait stop
  fi
  [ ! -d "$PGDATA" ] || mv "$PGDATA" "$PGDATA.undone"
  mv "$copy" "$PGDATA"
  forget_marks
  drop_later_majors
  name_primary
  rm -rf "$PGDATA.undone" "$mark"
  say "back as before the restore ($copy)"
}

case ${1-} in
  describe) backup-configure.sh >&2 && describe ;;
  prepare) prepare ;;
  commit) commit "$2" ;;
  undo) undo ;;
  started) rm -f "$mark" ;;
  drop-data) rm -rf "$PGDATA" "$PGDATA.new" && forget_marks ;;
  # Of every major version.
  drop-copies) rm -rf "${PGDATA%/*/*}"/[1-9]*/"${copies##*/}"* "$new" ;;
  *) die "describe, prepare, commit, undo, started, drop-data or drop-copies is expected, not \"${1-}\"" ;;
esac
