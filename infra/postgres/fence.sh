#!/bin/sh
# Stops this node's server for good, until `make rejoin`: fence.sh REASON. PgBouncer holds new transactions back
# meanwhile, so those under way get a moment to end. A clean stop hands all WAL to the standbys that stream.
# shellcheck source=infra/postgres/common.sh
. /usr/local/lib/sv-postgres/common.sh
ask_limit_seconds=3
drain_tenths=20
stop_seconds=30

busy() {
  ask_here --command="
    select count(*) from pg_stat_activity where backend_type = 'client backend' and xact_start is not null and usename = 'sv_app'"
}

until [ "$drain_tenths" -eq 0 ] || [ "$(busy)" = 0 ]; do
  sleep 0.1
  drain_tenths=$((drain_tenths - 1))
done
mark fenced "$1"
# The entrypoint stops it too when it sees the mark; here the end is waited for.
pg_ctl stop --pgdata="$PGDATA" --mode=fast --wait --timeout=$stop_seconds >/dev/null ||
  pg_ctl stop --pgdata="$PGDATA" --mode=immediate --wait --timeout=$stop_seconds >/dev/null ||
  ! pg_ctl status --pgdata="$PGDATA" >/dev/null
