#!/usr/bin/env bash
# `make logs`: what the containers write, for people. SERVICE="app worker" chooses, TAIL=1000 goes further back, FOLLOW=0
# ends with what is there, RAW=1 shows the lines as they are, for programs.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

follow=--follow
[ "${FOLLOW:-1}" != 0 ] || follow=''
lines() {
  # shellcheck disable=SC2086 # several services, and a flag or none
  docker compose --profile '*' logs $follow --tail "${TAIL:-100}" ${SERVICE:-}
}
image=sv-sdk/sdk:$(setting PLATFORM_VERSION "$(setting SV_VERSION dev)")
if [ "${RAW:-0}" = 1 ] || ! docker image inspect "$image" >/dev/null 2>&1; then
  lines
  exit
fi
colour=''
[ ! -t 1 ] || colour=--colour
# No part of the stack, so that the logs are not followed by their own printing. It needs nothing, and gets nothing.
lines | docker run --rm --interactive --init --network none --read-only --cap-drop ALL --log-driver none \
  --security-opt no-new-privileges --memory 256m --pids-limit 50 "$image" logs $colour
