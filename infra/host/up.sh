#!/usr/bin/env bash
# `make up`: from a bare host to a healthy stack. Again and again; what need not change is left running.
# PHASE=2 sizes it for a phase of the scaling guide first; DRY_RUN=1 only tells what that changes.
# ENV=production DOMAIN=… ACME_EMAIL=… opens it to the world under that name.
# The tests set SV_PREPARED=1: engine and images are there already.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# shellcheck source=infra/host/database.sh
. "$HOST_DIR/database.sh"
# shellcheck source=infra/host/phase.sh
. "$HOST_DIR/phase.sh"
# shellcheck source=infra/host/production.sh
. "$HOST_DIR/production.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/releases.sh
. "$HOST_DIR/releases.sh"

START_TIMEOUT_SECONDS=300
# Compose gives up at once on what Docker calls unhealthy, also when that is about to recover because what it needs has
# just come back: a worker looks again within 5 s, its check within another 15 s.
RECOVERY_SECONDS=45
number=0
next() {
  number=$((number + 1))
  step "$number. $*"
}

# How many containers of a service to keep: those that run, if they were scaled by hand since the last start; else what
# the settings say. keep_scale SERVICE SETTING
keep_scale() {
  local wanted last running
  wanted=$(setting "$2" 2)
  last=$(sed -n "s/^$2=//p" "$LAST_SCALE" 2>/dev/null) || last=''
  running=$(docker compose ps -aq "$1" | wc -l)
  if [ "$last" = "$wanted" ] && [ "$running" -gt 0 ] && [ "$running" -ne "$wanted" ]; then
    say "Keeping $1 at $((running)), as scaled by hand ($2=$wanted)" >&2
    wanted=$running
  fi
  printf '%s=%d' "$1" "$wanted"
}

# Sizes of all pools, computed of this machine and of how many will run, where .env doesn't choose them. Each kind of
# service has a file of its own, read by docker-compose.yml, so that plain `docker compose` agrees. An unchanged file is
# left alone, and one whose sizes do not fit is not written.
plan_connections() {
  local plan folder=$BUILD_DIR/plan-$COMPOSE_PROJECT_NAME kind prefix
  plan=$(run_once \
    -e "APP_INSTANCES=${app_scale#*=}" -e "WORKER_INSTANCES=${worker_scale#*=}" sdk config plan --env) ||
    die "Nothing was started. Mend the settings above in $SV_ENV_FILE or $SECRETS_DIR."
  mkdir -p "$folder"
  for kind in postgres:POSTGRES pgbouncer:PGBOUNCER process:DB; do
    prefix=PLANNED_${kind#*:}_
    printf '%s\n' "$plan" | tr -d '\r' | grep "^$prefix" >"$folder/new"
    if cmp -s "$folder/new" "$folder/${kind%:*}.env"; then rm "$folder/new"; else mv "$folder/new" "$folder/${kind%:*}.env"; fi
  done
  say "Settings are fine; pools of $(printf '%s\n' "$plan" | sed -n 's/^PLANNED_PGBOUNCER_POOL_SIZE=//p') connections (make sdk ARGS=\"config plan\")"
}

# Grafana comes as its official image only; it is in a profile that is on where the image can be had.
use_grafana() {
  local image
  image=$(docker compose --profile grafana config --images grafana | grep grafana)
  if docker image inspect "$image" >/dev/null 2>&1 ||
    { grep -q '^SV_IMAGES=registry' "$BUILD_DIR/images.env" && docker pull -q "$image" >/dev/null 2>&1; }; then
    COMPOSE_PROFILES=$(setting COMPOSE_PROFILES)
    export COMPOSE_PROFILES="${COMPOSE_PROFILES:+$COMPOSE_PROFILES,}grafana"
    has_grafana=yes
  else
    say 'Grafana is left out: its image needs a registry, and none is used here'
    has_grafana=''
  fi
}

# `migrate` writes, and waits like everybody.
tell_waiting_writes() {
  [ "$(setting SYNC_REPLICATION off)" = on ] || return 0
  look_at_nodes
  printf '%s\n' "$nodes" | awk '$3 == "standby" && $7 == "streaming" { found = 1 } END { exit !found }' ||
    printf '%sNo standby streams, and with SYNC_REPLICATION=on every write waits for one.%s make rejoin brings a fenced one back; SYNC_REPLICATION=off goes on without.\n' "$RED" "$PLAIN"
}

# What went wrong, by service, with the last lines that it logged.
explain_failure() {
  local name
  tail -n 3 "$LOG" >&2
  docker compose ps -a --format '{{.Name}} {{.State}} {{.Health}} {{.ExitCode}}' |
    awk '$2 == "restarting" || ($2 == "exited" && $NF != 0) || ($2 == "running" && ($3 == "unhealthy" || $3 == "starting")) { print $1 }' |
    while read -r name; do
      printf '%s%s is not healthy. Its last lines:%s\n' "$RED" "$name" "$PLAIN"
      docker logs --tail 20 "$name" 2>&1 | sed 's/^/   /'
    done >&2
  tell_waiting_writes >&2
  die "The stack did not become healthy (the whole log is ${LOG#"$SV_ROOT/"}). What runs is left running: 'make ps', 'make logs'."
}

# Addresses, and where the password lies; never the password.
summary() {
  local bind mail=''
  bind=$(setting HTTP_BIND 127.0.0.1)
  [ "$bind" != 0.0.0.0 ] || bind=127.0.0.1
  printf '\n%sHealthy after %d s.%s\n\n' "$BOLD" "$SECONDS" "$PLAIN"
  if is_production; then
    bind=127.0.0.1
    printf '   %-14s %s (the rest is on this machine alone: docs/operations/production.md)\n' 'World' "$(setting BETTER_AUTH_URL)"
  else
    mail=127.0.0.1:$(setting MAILDEV_PORT 1080)
  fi
  printf '   %-14s http://%s\n' \
    'API' "$bind:$(setting HTTP_PORT 3000)/api/v1/docs" \
    'Queue' "$bind:$(setting HTTP_PORT 3000)/admin/queues" \
    ${mail:+'Mail' "$mail"} \
    'Prometheus' "127.0.0.1:$(setting PROMETHEUS_PORT 9090)" \
    'Alertmanager' "127.0.0.1:$(setting ALERTMANAGER_PORT 9093)"
  [ -z "$has_grafana" ] || printf '   %-14s http://127.0.0.1:%s (admin, password in %s)\n' 'Grafana' "$(setting GRAFANA_PORT 3001)" "$SECRETS_DIR/grafana_admin_password"
  printf '   %-14s %s, password in %s\n' 'Administrator' "$(setting SV_ADMIN_EMAIL admin@example.com)" "$SECRETS_DIR/admin_password"
}

# A node that a failover has fenced is as it should be, and yet not what a person wants for long.
tell_fenced() {
  local fenced
  fenced=$(nodes_that_are fenced | xargs)
  [ -z "$fenced" ] || printf '\n%s%s is fenced since a failover, so there is one copy of the data less.%s Bring it back: make rejoin\n' "$BOLD" "$fenced" "$PLAIN"
}

LAST_SCALE=$BUILD_DIR/scale-$COMPOSE_PROJECT_NAME.env
LOG=$BUILD_DIR/up-$COMPOSE_PROJECT_NAME.log

printf 'Nothing changed yet:\n'
next 'Check the host and the settings'
"$HOST_DIR/preflight.sh"
refuse_during_deploy make up
refuse_unfinished_deploy
# A restore has stopped the stack, and starts what ran.
[ "${SV_RESTORING-}" = 1 ] || refuse_other_release

printf 'From here on it changes things:\n'
if [ "${SV_PREPARED-}" != 1 ]; then
  next 'Docker Engine'
  "$HOST_DIR/engine.sh"
fi
next 'Settings and secrets'
"$HOST_DIR/settings.sh"
use_settings
if [ "${ENV-}" = production ]; then
  next 'Production'
  apply_production
fi
if [ "${SV_PREPARED-}" != 1 ]; then
  next 'Bases'
  "$HOST_DIR/images.sh"
  next 'Images'
  "$HOST_DIR/build.sh" stack
fi
if [ -n "${PHASE-}" ]; then
  next "Phase $PHASE of the scaling guide"
  apply_phase
fi
next 'Check the configuration, and size the pools'
# Of the folder, which no container can look at. One name, and a mode in front of it.
# shellcheck disable=SC2012
secrets_mode=$(ls -ld "$SECRETS_DIR" | cut -c2-10)
run_once -e "SECRETS_FOLDER_MODE=$secrets_mode" sdk config check --connect ||
  die "Nothing was started. Mend the settings above in $SV_ENV_FILE or $SECRETS_DIR."
app_scale=$(keep_scale app APP_INSTANCES)
worker_scale=$(keep_scale worker WORKER_INSTANCES)
plan_connections
next 'Start'
use_grafana
start_all() {
  docker compose --progress plain up -d --no-build --remove-orphans --wait --wait-timeout "$START_TIMEOUT_SECONDS" \
    --scale "$app_scale" --scale "$worker_scale" >"$LOG" 2>&1
}
given_up_at=''
until start_all; do
  given_up_at=${given_up_at:-$((SECONDS + RECOVERY_SECONDS))}
  if [ "$SECONDS" -ge "$given_up_at" ] || ! grep -q ' is unhealthy$' "$LOG"; then explain_failure; fi
  sleep 3
done
printf 'APP_INSTANCES=%s\nWORKER_INSTANCES=%s\n' "$(setting APP_INSTANCES 2)" "$(setting WORKER_INSTANCES 2)" >"$LAST_SCALE"
[ "${SV_RESTORING-}" = 1 ] || stamp_release "$(release_of_checkout)"
summary
look_at_nodes
drop_spare_slots
tell_fenced
