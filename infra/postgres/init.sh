# shellcheck shell=sh
# shellcheck disable=SC2154 # what is not assigned here is in common.sh and process.sh
# Sourced by the entrypoint: a new database cluster, on an empty volume.

# Of every cluster that is made here: pg_upgrade wants both sides alike.
cluster_options='--username=postgres --auth=scram-sha-256 --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --data-checksums'

init_primary() {
  for name in postgres_password db_owner_password db_app_password db_replication_password \
    db_pgbouncer_password db_monitor_password; do need_secret "$name"; done
  say 'first start: making a new database cluster'
  rm -rf "$new" && mkdir -p "$(dirname "$PGDATA")"
  # shellcheck disable=SC2086
  run initdb --pgdata="$new" --pwfile="$SECRETS_PATH/postgres_password" $cluster_options >/tmp/initdb.log \
    || { cat /tmp/initdb.log >&2; exit 1; }
  # Without TCP: nobody can connect to a half-made server. Nor does it wait for a standby.
  pg_ctl --pgdata="$new" --wait --silent --log=/tmp/bootstrap.log \
    --options="-c config_file=$etc/postgresql.conf -c hba_file=$etc/pg_hba.conf -c listen_addresses='' -c archive_mode=off -c synchronous_standby_names=''" \
    start || { cat /tmp/bootstrap.log >&2; exit 1; }
  psql --host=/tmp --username=postgres --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --file="$etc/bootstrap.sql"
  pg_ctl --pgdata="$new" --wait --silent --mode=fast stop
  mv "$new" "$PGDATA"
}
