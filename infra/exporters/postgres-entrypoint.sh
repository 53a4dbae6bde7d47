#!/bin/sh
# Watches the server of SERVER_URL (postgres://[user@]host[:port]/database[?sslmode=verify-full]) as sv_monitor, then becomes
# the exporter. The password stays in its file.
set -eu
secrets=${SECRETS_PATH:-/run/secrets}
: "${SERVER_URL:?}"
fail() { echo "postgres-exporter: $1" >&2; exit 64; }
[ -s "$secrets/db_monitor_password" ] || fail "secret db_monitor_password is missing or empty; \`make up\` makes it"

# Of several servers (a list of replicas) the first; each needs an exporter of its own.
server=${SERVER_URL%%,*}
server=${server#*://}
server=${server#*@}
case $server in
  # A CA of one's own, or the system's.
  *sslmode=verify-full*) [ ! -s "$secrets/database_ca" ] || server="$server&sslrootcert=$secrets/database_ca" ;;
  *sslmode=disable*) ;;
  *\?*) server="$server&sslmode=disable" ;;
  *) server="$server?sslmode=disable" ;;
esac
export DATA_SOURCE_URI="$server" DATA_SOURCE_USER=sv_monitor DATA_SOURCE_PASS_FILE="$secrets/db_monitor_password"
exec /bin/postgres_exporter "$@"
