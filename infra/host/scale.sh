#!/usr/bin/env bash
# `make scale APP=5 WORKER=10`: only what is named changes.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

services='' scales=''
for pair in "app=${APP-}" "worker=${WORKER-}"; do
  case "${pair#*=}" in
    '') ;;
    *[!0-9]* | 0) die "${pair%%=*}=${pair#*=}: a whole number from 1 is expected, e.g. make scale APP=5 WORKER=10" ;;
    *) services="$services ${pair%%=*}" scales="$scales --scale $pair" ;;
  esac
done
[ -n "$services" ] || die 'Say how many: make scale APP=5 WORKER=10 (or one of them)'
# Not `docker compose scale --no-deps`, which takes the missing dependencies for a change and recreates what runs.
# shellcheck disable=SC2086
docker compose up -d --no-build --no-recreate $scales $services
