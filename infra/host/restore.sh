#!/usr/bin/env bash
# `make restore`: puts the database back, to the latest moment or TO="2026-11-23 12:00:00" (UTC). Asks; YES=1 does not.
# SET=label starts from that backup, TIMELINE=n follows another timeline, KEEP=0 keeps no copy of the present data,
# BACKUP_KEY=1 reads the repository of the oldest key (docs/operations/secrets.md),
# UNDO=1 brings the data from before the last restore back, FORGET=1 deletes such copies.
# The present data is moved aside in the last step but one, once the restored data stands ready beside it: until then an
# interrupted restore has changed nothing but what runs (`make up` starts it again), and it is begun anew by the same
# command. docs/operations/backups.md has every step.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"

request="TO=${TO-} TIMELINE=${TIMELINE-} SET=${SET-}"
case "$request" in *\"* | *\\*) die 'TO, TIMELINE and SET hold no quotes and no backslashes.' ;; esac

# A step on the volumes of a node that is stopped: on_node SERVICE [-e NAME=VALUE…] -- STEP [ARGUMENT]
on_node() {
  local service=$1 options=()
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  docker compose --progress quiet run --rm --no-deps -T -e "BACKUP_KEY_NUMBER=${BACKUP_KEY-}" ${options[@]+"${options[@]}"} --entrypoint backup-restore.sh "$service" "$@" </dev/null
}

# The node that holds the data: the primary that runs; else PRIMARY, else the only one whose data is no replica's.
find_node() {
  # Set where the last moments may be missing: what was sent or revoked in them is then not known.
  lossy=''
  if primary=$(running_primary); then return; fi
  lossy=1
  primary=${PRIMARY:-postgres}
  postgres_services | grep -qx "$primary" || die "PRIMARY=$primary: one of $(postgres_services | tr '\n' ' ')is expected."
  say "No primary answers: the last minute before it died may be missing. The data goes to $primary (PRIMARY names another node)."
}

# From the one that depends to the one that is depended on; nginx stays, and answers 503.
stop_stack() {
  local replicas
  replicas=$(postgres_services | grep -vx "$primary" | tr '\n' ' ')
  # The cache would remember what is gone; it keeps nothing over a stop.
  # shellcheck disable=SC2086
  docker compose --progress quiet stop app worker pgbouncer redis $replicas
  docker compose --progress quiet stop "$primary"
}

# Replicas hold what is undone; without their data they clone the primary.
drop_replicas() {
  local service
  for service in $(postgres_services | grep -vx "$primary"); do on_node "$service" -- drop-data; done
}

start_stack() {
  step 'Start'
  SV_PREPARED=1 SV_RESTORING=1 "$HOST_DIR/up.sh"
  docker compose exec -T "$primary" backup-restore.sh started </dev/null
}

# The value of NAME in the JSON or the lines of a step: json_text NAME, or plan_line NAME
json_text() { printf '%s' "$node" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
plan_line() { printf '%s\n' "$plan" | sed -n "s/^$1=//p"; }

# What is committed already has only to be started. True when that was the same request.
finish_interrupted() {
  local committed
  committed=$(json_text committed)
  [ -n "$committed" ] || return 1
  step "An interrupted restore ($committed) is finished first"
  start_stack
  [ "$committed" = "$request" ]
}

# All that was committed is in the archive, and a commit after it, for a moment just now to lie before something.
flush_wal() {
  local segment tries=0
  [ -z "$lossy" ] || return 0
  # A transaction with a number is one that commits, even if it does nothing.
  ask_server "$primary" 'select pg_current_xact_id()' >/dev/null
  segment=$(ask_server "$primary" 'select pg_walfile_name(pg_switch_wal())')
  until [ "$(ask_server "$primary" "select last_archived_wal >= '$segment' from pg_stat_archiver")" = t ]; do
    tries=$((tries + 1))
    [ "$tries" -le 60 ] || die "The last WAL does not get into the archive ($segment), so a restore would lose it. See docs/runbooks/wal-archiving-failing.md; to go on without it, stop Postgres first: docker compose stop $primary"
    sleep 1
  done
}

pause_emails() {
  docker compose --progress quiet up -d --no-build --no-recreate --wait redis-queue
  run_once sdk email pause --no-record </dev/null ||
    die 'The email queue could not be paused, so emails of the past might go out twice; nothing was changed.'
}

restore() {
  step 'Nothing changed yet:'
  find_node
  node=$(on_node "$primary" -- describe) || die "The repository can't be read."
  if finish_interrupted; then return; fi
  [ -z "$(json_text committed)" ] || node=$(on_node "$primary" -- describe)
  # shellcheck disable=SC2086
  plan=$(printf '%s' "$node" | run_once sdk db restore-plan \
    ${TO:+--to "$TO"} ${TIMELINE:+--timeline "$TIMELINE"} ${SET:+--set "$SET"}) || die 'Nothing was changed.'
  say "This restores the database of $COMPOSE_PROJECT_NAME ($primary):"
  printf '%s\n' "$plan" | sed '/^RESTORE_/d; s/^/     /'
  if [ "${KEEP:-1}" = 1 ]; then
    say "The present data is kept beside it (UNDO=1 make restore brings it back, FORGET=1 make restore deletes it)."
  else
    say 'KEEP=0: the present data is deleted first. This cannot be undone.'
  fi
  say 'The API answers 503 meanwhile. Nothing that was written after that moment will be there.'
  [ -z "${TO-}$lossy" ] || say 'Everybody has to sign in again; the email queue stays paused until you resume it.'
  confirm 'make restore'

  step 'From here on it changes things:'
  flush_wal
  [ -z "${TO-}$lossy" ] || pause_emails
  stop_stack
  say 'Stopped; restoring'
  on_node "$primary" -e "RESTORE_SET=$(plan_line RESTORE_SET)" -e "RESTORE_TO=$(plan_line RESTORE_TO)" \
    -e "RESTORE_TIMELINE=$(plan_line RESTORE_TIMELINE)" -e "RESTORE_BYTES=$(plan_line RESTORE_BYTES)" \
    -e "RESTORE_KEEP=${KEEP:-1}" -e "RESTORE_LOSSY=$lossy" -- prepare ||
    die "The restore failed. The data is as it was$([ "${KEEP:-1}" = 1 ] || printf ' deleted (KEEP=0)'): 'make up' starts the stack again."
  drop_replicas
  on_node "$primary" -- commit "$request"
  start_stack
  [ -z "${TO-}$lossy" ] || say "The email queue is paused. Look at what may go out a second time (docs/operations/backups.md), then: make sdk ARGS=\"email resume\""
}

undo() {
  local copy
  find_node
  node=$(on_node "$primary" -- describe)
  copy=$(json_text copy)
  [ -n "$copy" ] || die "There is nothing to undo: no data from before a restore is kept on $primary."
  say "This brings ${copy##*/} back as the database of $COMPOSE_PROJECT_NAME, and deletes what is there now."
  confirm 'make restore'
  stop_stack
  drop_replicas
  on_node "$primary" -- undo
  start_stack
  say 'If the email queue is paused: make sdk ARGS="email resume"'
}

if [ "${UNDO-}" = 1 ]; then
  undo
elif [ "${FORGET-}" = 1 ]; then
  find_node
  say "This deletes what restores moved aside on $primary."
  confirm 'make restore'
  on_node "$primary" -- drop-copies
else
  restore
fi
