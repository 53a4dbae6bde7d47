#!/bin/sh
# Before a stop, so that the stop has little left to write; after a promotion, so that pg_rewind sees the new timeline.
#   checkpoint.sh [SECONDS [POSITION]]
# SECONDS it may take. On a standby, which can only restart from a checkpoint that it has replayed, one of its primary that
# was before POSITION: it is waited for.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
replay_tenths=150
ask_limit_seconds=${1:-600}
if [ -n "${2-}" ]; then
  until [ "$(ask_here --command="select pg_last_wal_replay_lsn() >= '$2'")" = t ]; do
    [ "$replay_tenths" -gt 0 ] || fail "$2 is not replayed yet"
    replay_tenths=$((replay_tenths - 1))
    sleep 0.1
  done
fi
ask_here --command=checkpoint
