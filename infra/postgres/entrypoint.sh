#!/bin/sh
# First start, clone and start of Postgres. Everything that takes long is made beside PGDATA and moved there as
# the last step, so that an interrupted first start is simply begun again.
set -eu

role=${POSTGRES_ROLE:-primary}
export SECRETS_PATH="${SECRETS_PATH:-/run/secrets}"
secrets=$SECRETS_PATH
new=$PGDATA.new
etc=/etc/sv-postgres

say() { printf '%s entrypoint (%s): %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$role" "$*"; }
fail() { say "$*" >&2; exit 1; }

need_secret() {
  [ -s "$secrets/$1" ] || fail "secret $1 is missing or empty; \`make up\` makes it"
}

# A data directory of another major version would be refused by the server with less helpful words.
check_version() {
  have=$(cat "$PGDATA/PG_VERSION")
  [ "$have" = 18 ] || fail "the data directory is of Postgres $have and this is 18; see docs/operations"
}

init_primary() {
  for name in postgres_password db_owner_password db_app_password db_replication_password \
    db_pgbouncer_password db_monitor_password; do need_secret "$name"; done
  say 'first start: making a new database cluster'
  rm -rf "$new" && mkdir -p "$(dirname "$PGDATA")"
  initdb --pgdata="$new" --username=postgres --pwfile="$secrets/postgres_password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --data-checksums >/tmp/initdb.log \
    || { cat /tmp/initdb.log >&2; exit 1; }
  # Without TCP: nobody can connect to a half-made server.
  pg_ctl --pgdata="$new" --wait --silent --log=/tmp/bootstrap.log \
    --options="-c config_file=$etc/postgresql.conf -c hba_file=$etc/pg_hba.conf -c listen_addresses='' -c archive_mode=off" \
    start || { cat /tmp/bootstrap.log >&2; exit 1; }
  PGPASSWORD=$(cat "$secrets/postgres_password") psql --host=/tmp --username=postgres --dbname=postgres --no-psqlrc \
    --quiet --set=ON_ERROR_STOP=1 --file="$etc/bootstrap.sql"
  pg_ctl --pgdata="$new" --wait --silent --mode=fast stop
  mv "$new" "$PGDATA"
}

primary_psql() {
  psql "host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} user=sv_replicator dbname=postgres connect_timeout=5" \
    --no-psqlrc --tuples-only --no-align --quiet --set=ON_ERROR_STOP=1 "$@"
}

wait_for_primary() {
  tries=0
  until primary_psql --command='select 1' >/dev/null 2>/tmp/primary-error; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "the primary at $PRIMARY_HOST doesn't answer: $(cat /tmp/primary-error)"
    sleep 1
  done
}

# A slot of its own keeps on the primary what this replica still needs, up to max_slot_wal_keep_size.
ensure_slot() {
  primary_psql --set=slot="$REPLICATION_SLOT" >/dev/null <<'SQL'
select pg_create_physical_replication_slot(:'slot', true)
where not exists (select from pg_replication_slots where slot_name = :'slot');
SQL
}

slot_is_lost() {
  [ "$(primary_psql --set=slot="$REPLICATION_SLOT" <<'SQL'
select count(*) from pg_replication_slots where slot_name = :'slot' and wal_status <> 'lost';
SQL
  )" = 0 ]
}

clone() {
  say "cloning from $PRIMARY_HOST"
  primary_psql --set=slot="$REPLICATION_SLOT" >/dev/null <<'SQL'
select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = :'slot' and wal_status = 'lost';
SQL
  ensure_slot
  rm -rf "$new"
  pg_basebackup --dbname="host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} user=sv_replicator" --pgdata="$new" \
    --wal-method=stream --slot="$REPLICATION_SLOT" --checkpoint=fast --no-password
  touch "$new/standby.signal"
  rm -rf "$PGDATA" && mkdir -p "$(dirname "$PGDATA")" && mv "$new" "$PGDATA"
}

prepare_replica() {
  need_secret db_replication_password
  : "${PRIMARY_HOST:?}" "${REPLICATION_SLOT:?}"
  # libpq reads the password from here; on a command line or in postgresql.auto.conf it could be read.
  (umask 077 && printf '*:*:*:sv_replicator:%s\n' "$(cat "$secrets/db_replication_password")" >/tmp/pgpass)
  export PGPASSFILE=/tmp/pgpass
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    wait_for_primary
    clone
  elif primary_psql --command='select 1' >/dev/null 2>&1 && slot_is_lost; then
    # What the primary has thrown away can't be streamed any more; a new copy is the only way back.
    say "the slot $REPLICATION_SLOT is lost: cloning anew"
    clone
  fi
}

case $role in
  primary)
    [ -s "$PGDATA/PG_VERSION" ] || init_primary
    check_version
    ;;
  replica)
    prepare_replica
    check_version
    set -- -c "primary_conninfo=host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} user=sv_replicator passfile=/tmp/pgpass application_name=$REPLICATION_SLOT" \
      -c "primary_slot_name=$REPLICATION_SLOT" "$@"
    ;;
  *) fail "POSTGRES_ROLE must be primary or replica, not \"$role\"" ;;
esac

exec postgres -D "$PGDATA" -c config_file=$etc/postgresql.conf -c hba_file=$etc/pg_hba.conf \
  -c max_connections="${MAX_CONNECTIONS:-100}" -c shared_buffers="${SHARED_BUFFERS:-128MB}" \
  -c max_slot_wal_keep_size="${MAX_SLOT_WAL_KEEP_SIZE:-4GB}" "$@"
