#!/bin/sh
# Prints userlist.txt. The console is not a database that could be asked, so who may use it stands here: the exporter, and
# sv_console, whom Postgres doesn't know, for `db migrate`. And whom PgBouncer itself needs: to look roles up, or, of a
# server elsewhere, where that is not allowed, the app.
set -eu
secrets=${SECRETS_PATH:-/run/secrets}
user() { printf '"%s" "%s"\n' "$1" "$(cat "$secrets/$2")"; }
if [ -n "${DATABASE_DIRECT_URL-}" ]; then user sv_app db_app_password; else user sv_pgbouncer db_pgbouncer_password; fi
user sv_monitor db_monitor_password
user sv_console pgbouncer_console_password
