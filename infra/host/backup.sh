#!/usr/bin/env bash
# `make backup`: a physical backup now, beside those of the schedule. TYPE=full, diff or incr (the default).
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"

type=${TYPE:-incr}
case "$type" in full | diff | incr) ;; *) die "TYPE=$type: full, diff or incr is expected." ;; esac
primary=$(running_primary) || die "No primary answers: run 'make up' first."
docker compose exec -T "$primary" backup-run.sh "$type" </dev/null
