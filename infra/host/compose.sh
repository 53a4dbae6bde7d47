#!/usr/bin/env bash
# docker compose for the stack that the environment names, every profile included: compose.sh ps
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec docker compose --profile '*' "$@"
