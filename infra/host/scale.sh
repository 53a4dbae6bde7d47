#!/usr/bin/env bash
# `make scale APP=5 WORKER=10`: only what is named changes. The numbers go into the settings file, so that they last.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"

refuse_during_deploy make scale
refuse_unfinished_deploy

LAST_SCALE=$BUILD_DIR/scale-$COMPOSE_PROJECT_NAME.env

# A later `make up` or `docker compose up -d` goes by the settings file; `make up` tells by the other file that nobody
# has scaled since (up.sh).
remember() {
  put_setting "$SV_ENV_FILE" "$1" "$2"
  put_setting "$LAST_SCALE" "$1" "$2"
}

services='' scales=''
for pair in "app=${APP-}" "worker=${WORKER-}"; do
  case "${pair#*=}" in
    '') ;;
    *[!0-9]* | 0) die "${pair%%=*}=${pair#*=}: a whole number from 1 is expected, e.g. make scale APP=5 WORKER=10" ;;
    *) services="$services ${pair%%=*}" scales="$scales --scale $pair" ;;
  esac
done
[ -n "$services" ] || die 'Say how many: make scale APP=5 WORKER=10 (or one of them)'
# The connections of so many, held against what PgBouncer was started with, before anything is changed.
count_of() {
  local running
  running=$(docker compose ps -aq "$1" | wc -l)
  if [ "$running" -gt 0 ]; then echo $((running)); else setting "$2" 2; fi
}
planned=$(cat "$BUILD_DIR/plan-$COMPOSE_PROJECT_NAME"/*.env 2>/dev/null | sed -n 's/^PLANNED_/-e PLANNED_/p') || planned=''
# shellcheck disable=SC2086
run_once $planned \
  -e "APP_INSTANCES=${APP:-$(count_of app APP_INSTANCES)}" \
  -e "WORKER_INSTANCES=${WORKER:-$(count_of worker WORKER_INSTANCES)}" \
  sdk config plan --connect >/dev/null ||
  die 'Nothing was changed. For more, put APP_INSTANCES and WORKER_INSTANCES into the settings: make up sizes the pools for them.'
# Not `docker compose scale --no-deps`, which takes the missing dependencies for a change and recreates what runs.
# shellcheck disable=SC2086
docker compose up -d --no-build --no-recreate $scales $services
[ -z "${APP-}" ] || remember APP_INSTANCES "$APP"
[ -z "${WORKER-}" ] || remember WORKER_INSTANCES "$WORKER"
