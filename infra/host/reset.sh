#!/usr/bin/env bash
# `make reset`: stops the stack and wipes its data. YES=1 does not ask.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [ "${YES-}" != 1 ]; then
  [ -t 0 ] || die "This would wipe all data of $COMPOSE_PROJECT_NAME. Nobody is here to ask: YES=1 make reset."
  printf 'This wipes all data of %s: databases, queue, metrics. Settings and secrets stay. Type its name to go on: ' "$COMPOSE_PROJECT_NAME"
  read -r answer
  [ "$answer" = "$COMPOSE_PROJECT_NAME" ] || die 'Nothing was changed.'
fi
docker compose --profile '*' down --volumes --remove-orphans
# What a higher phase had, and the settings no longer name.
left=$(docker volume ls -q --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
# shellcheck disable=SC2086
[ -z "$left" ] || docker volume rm $left >/dev/null
rm -rf "$BUILD_DIR/scale-$COMPOSE_PROJECT_NAME.env" "$BUILD_DIR/plan-$COMPOSE_PROJECT_NAME" \
  "$BUILD_DIR/deploy-$COMPOSE_PROJECT_NAME"
