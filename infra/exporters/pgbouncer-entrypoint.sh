#!/bin/sh
# Writes the password as the file that the Postgres driver looks for, then becomes the exporter.
set -eu
umask 077
secret=${SECRETS_PATH:-/run/secrets}/db_monitor_password
[ -s "$secret" ] || { echo "pgbouncer-exporter: secret db_monitor_password is missing or empty; \`make up\` makes it" >&2; exit 64; }
# In this file a colon and a backslash have a meaning.
printf '%s:%s:pgbouncer:sv_monitor:%s\n' "${PGBOUNCER_HOST:=pgbouncer}" "${PGBOUNCER_PORT:=6432}" \
  "$(sed 's/[\\:]/\\&/g' "$secret")" >/tmp/pgpass
export PGPASSFILE=/tmp/pgpass
exec /bin/pgbouncer_exporter --log.level=warn \
  --pgBouncer.pid-file= \
  --pgBouncer.connectionString="postgres://sv_monitor@$PGBOUNCER_HOST:$PGBOUNCER_PORT/pgbouncer?sslmode=disable&connect_timeout=5" "$@"
