# shellcheck shell=sh
# Sourced by the backup scripts: where things are, how to speak to the server here, and to the person.
# PGBACKREST_CONFIG, PGBACKREST_STANZA and PGDATA are the image's (Dockerfile).
export SECRETS_PATH="${SECRETS_PATH:-/run/secrets}"
# Shared with node-exporter, which serves the *.prom files, and with `sdk db status`.
export BACKUP_STATUS=/var/lib/sv-backup-status
# shellcheck disable=SC2034 # for the scripts that source this
etc=/etc/sv-postgres
# libpq of psql and of pgBackRest reads the superuser's password from here.
export PGPASSFILE=/tmp/backup-pgpass

say() { printf '%s %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(basename "$0" .sh)" "$*"; }
die() {
  say "$*" >&2
  exit 1
}

# As the superuser of the server in this container.
ask() {
  psql --host=/tmp --username=postgres --dbname="${ASK_DATABASE:-postgres}" --no-psqlrc --tuples-only --no-align --quiet \
    --set=ON_ERROR_STOP=1 "$@"
}

# Whole or not at all, for other users' eyes as well. Reads stdin: put_status NAME
put_status() {
  temporary=$BACKUP_STATUS/.$1.$$
  cat >"$temporary" && chmod 0644 "$temporary" && mv "$temporary" "$BACKUP_STATUS/$1"
}

# A backup is to be felt by nobody: last in the queue for the CPU and the disk.
gently() { nice -n 10 ionice -c 3 "$@"; }
