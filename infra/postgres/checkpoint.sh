#!/bin/sh
# Before a stop, so that the stop has little left to write; after a promotion, so that pg_rewind sees the new timeline.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
ask_limit_seconds=${1:-600}
ask_here --command=checkpoint
