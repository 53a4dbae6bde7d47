#!/usr/bin/env bash
# `make rotate SECRET=name`: another value for a secret while the stack serves, and no request fails for it. What others give
# out (an API key of a mail provider, say) is asked for, or read from standard input, certificates only from there; the rest is
# made. FORGET=1 takes the older values of a key ring out. Interrupted at any point, it goes on when it is run again.
# docs/operations/secrets.md has what each secret does, and ADR 0050 why each is changed as it is.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/deploy-lock.sh
. "$HOST_DIR/deploy-lock.sh"
# shellcheck source=infra/host/rolling.sh
. "$HOST_DIR/rolling.sh"
# shellcheck source=infra/host/versions.sh
. "$HOST_DIR/versions.sh"
# shellcheck source=infra/host/nodes.sh
. "$HOST_DIR/nodes.sh"
# shellcheck source=infra/host/secrets.sh
. "$HOST_DIR/secrets.sh"

name=${SECRET-}
file=$SECRETS_DIR/$name
# What an interrupted one goes on with: of the person alone, and gone at the end.
next_file=$SECRETS_DIR/.next-$name old_file=$SECRETS_DIR/.old-$name
# shellcheck disable=SC2034 # for rolling.sh
after_going_back="What ran before serves on, and both values of $name are good. Run it again: make rotate SECRET=$name"

is_of() { case " $(printf '%s' "$2" | tr '\n' ' ') " in *" $1 "*) ;; *) return 1 ;; esac; }

check_name() {
  if [ -z "$name" ] || ! is_of "$name" "$SECRETS $OPTIONAL_SECRETS"; then
    die "SECRET=$name: one of these is expected: $(printf '%s' "$SECRETS $OPTIONAL_SECRETS" | tr '\n' ' ')"
  fi
  [ -e "$file" ] || die "Refused: there is no $file. Nothing was changed. Start the stack first: make up."
}

is_certificate() { case $name in *_ca) ;; *) return 1 ;; esac; }

# Of a terminal one line is read; a certificate has many, and while a server changes its own there are two of them.
check_input() {
  if ! is_certificate || [ -s "$next_file" ] || [ ! -t 0 ]; then return 0; fi
  die "Refused: certificates are read from a file: make rotate SECRET=$name <ca.pem. Nothing was changed."
}

# Whose server is elsewhere, changes it there. bundled URL…
bundled() {
  local url
  for url in "$@"; do
    [ -z "$(setting "$url")" ] ||
      die "Refused: $url names a server elsewhere, where $name has to be changed as well. Nothing was changed. docs/operations/secrets.md has the steps."
  done
}

read_value() {
  local value
  if [ -t 0 ]; then
    printf '   New value of %s (it is not shown): ' "$name" >&2
    IFS= read -rs value
    printf '\n' >&2
    printf '%s' "$value"
  else
    cat
  fi
}

# What is wrong with a new value; nothing where it can be used. why_not FILE
why_not() {
  if [ -z "$(cat "$1")" ]; then
    echo 'the new value is empty'
  elif is_certificate && ! grep -q -e '-----END CERTIFICATE-----' "$1"; then
    echo 'the new value is no certificate in PEM'
  fi
}

# The new value and the one before, kept until the end.
prepare_values() {
  local problem
  if [ -s "$next_file" ]; then
    say "An interrupted rotation of $name is gone on with"
    return
  fi
  (
    umask 077
    cp "$file" "$old_file"
    if is_of "$name" "$OPTIONAL_SECRETS"; then read_value; else new_secret "$name"; fi >"$next_file.part"
  )
  problem=$(why_not "$next_file.part")
  [ -z "$problem" ] || {
    rm -f "$next_file.part" "$old_file"
    die "Refused: $problem. Nothing was changed."
  }
  mv "$next_file.part" "$next_file"
}

# Into the same file, and not another one in its place: containers have the file mounted, and see it at once. What is no
# shorter is written over the old one, so that nobody reads half of it. Reads stdin.
put_secret() {
  local value
  value=$(cat)
  chmod u+w "$file"
  if [ "${#value}" -ge "$(wc -c <"$file")" ]; then printf '%s' "$value" 1<>"$file"; else printf '%s' "$value" >"$file"; fi
  chmod 0444 "$file"
}

finish() {
  rm -f "$next_file" "$old_file"
  printf '\n%s%s is another one, after %d s.%s\n' "$BOLD" "$name" "$SECONDS" "$PLAIN"
}

running_of() {
  local service
  for service in "$@"; do running "$service"; done
}

# A script in each running container of some services: in_each SCRIPT SERVICE…
in_each() {
  local script=$1 id
  shift
  for id in $(running_of "$@"); do docker exec "$id" "$script"; done
}

# Those read their secrets only at a start, and nobody waits for an answer of theirs.
restart() {
  local id
  for id in $(running_of "$@"); do
    docker restart "$id" >/dev/null
    say "$(name_of "$id") was restarted"
  done
}

# Apps and workers one after another, as a deploy of the version that runs.
roll_processes() {
  SECRETS_REVISION=$(($(setting SECRETS_REVISION 0) + 1))
  export SECRETS_REVISION
  begin_change
  next "Apps: $apps, one after another ($1)"
  roll app "$apps"
  next "Workers: $workers, one after another"
  roll worker "$workers"
  is_changing=''
  put_setting "$SV_ENV_FILE" SECRETS_REVISION "$SECRETS_REVISION"
  clear_up
}

# On whichever node is the primary. Not running_primary: of the superuser's the file may have the other value already.
set_password() {
  local service code
  for service in $(postgres_services); do
    code=0
    docker compose exec -T "$service" set-password.sh "$1" <"$next_file" || code=$?
    case $code in
      0) return ;;
      3) ;;
      *) say "$service did not take it" >&2 ;;
    esac
  done
  die "Refused: no primary took the new password. The old one holds. make ps, make logs SERVICE=postgres; then: make rotate SECRET=$name"
}

# Of a role that it looks up, PgBouncer connects with what the last client has proven. Also the proof that it opens.
sign_in_through_pgbouncer() {
  # shellcheck disable=SC2016
  docker compose exec -T "$(running_primary)" sh -c 'PGPASSWORD=$(cat) exec psql \
    "host=pgbouncer port=6432 user=sv_app connect_timeout=5 dbname=sv" --no-psqlrc -Atqc "select 1"' <"$next_file" >/dev/null
}

rotate_role() {
  bundled DATABASE_URL DATABASE_DIRECT_URL
  next "$1 gets the new password"
  set_password "$1"
  put_secret <"$next_file"
  next 'Who signs in with it reads it anew; connections that are there stay'
  case $1 in
    sv_app) sign_in_through_pgbouncer ;;
    sv_pgbouncer | sv_monitor) in_each reread-users.sh pgbouncer ;;
  esac
  # shellcheck disable=SC2046
  in_each reread-secrets.sh $(postgres_services)
  [ "$1" != sv_monitor ] || restart postgres-exporter postgres-replica-exporter postgres-replica-2-exporter pgbouncer-exporter
}

rotate_console() {
  put_secret <"$next_file"
  in_each reread-users.sh pgbouncer
}

# The servers that the secret opens: of a cluster every node, and both secrets do.
redis_servers() {
  # shellcheck disable=SC2046
  running_of $(docker compose config --services | grep -E '^redis-cluster-[0-9]+$' || :) \
    "$(case $name in redis_password) echo redis ;; *) echo redis-queue ;; esac)"
}

rotate_redis() {
  local id
  case $name in redis_password) url=REDIS_URL ;; *) url=REDIS_QUEUE_URL ;; esac
  case "$(setting "$url")" in '' | redis-cluster://redis-cluster:*) ;; *) bundled "$url" ;; esac
  next 'The servers are opened by the new password, too'
  for id in $(redis_servers); do docker exec -i "$id" password.sh add <"$next_file"; done
  put_secret <"$next_file"
  for id in $(redis_servers); do docker exec "$id" password.sh follow; done
  roll_processes 'they sign in with the new password'
  restart redis-exporter
  next 'The old password opens nothing any more'
  for id in $(redis_servers); do docker exec -i "$id" password.sh remove <"$old_file"; done
}

# Every instance must know the new key before the first one uses it.
rotate_ring() {
  { cat "$old_file"; printf '\n'; cat "$next_file"; } | put_secret
  roll_processes 'they learn the new key'
  { cat "$next_file"; printf '\n'; cat "$old_file"; } | put_secret
  roll_processes 'they use the new key'
  case $name in
    encryption_key)
      next "The audit log's chain goes on under the new key"
      run_once sdk audit rekey
      ;;
    brevo_webhook_token)
      say "Now tell Brevo: the token is in $file (its first line). Then: make rotate SECRET=$name FORGET=1"
      ;;
  esac
}

# What the old keys opened is not readable any more, or refused.
forget_old_keys() {
  case $name in
    better_auth_secret | brevo_webhook_token) ;;
    encryption_key) die "Refused: rows of the audit log are sealed under the old keys, and would count as tampered with. Nothing was changed. Once those rows are gone (AUDIT_RETENTION_MONTHS), take the line out of $file by hand (docs/operations/secrets.md)." ;;
    *) die "Refused: $name has no older values. Nothing was changed." ;;
  esac
  [ "$(grep -c . "$file")" -gt 1 ] || die "Refused: $name has one value only. Nothing was changed."
  sed -n 1p "$file" | put_secret
  roll_processes 'they forget the old key'
  printf '\n%s%s has only its current value, after %d s.%s\n' "$BOLD" "$name" "$SECONDS" "$PLAIN"
}

rotate_backup_key() {
  local primary
  [ "$(setting BACKUP_REPOSITORY volume)" != off ] || die 'Refused: backups are off (BACKUP_REPOSITORY=off). Nothing was changed.'
  primary=$(running_primary) || die "No primary answers: run 'make up' first."
  next 'A repository under the new key'
  { cat "$next_file"; printf '\n'; cat "$old_file"; } | put_secret
  # shellcheck disable=SC2046
  in_each reread-secrets.sh $(postgres_services)
  docker compose exec -T "$primary" pgbackrest --no-online stanza-create </dev/null
  next 'A full backup into it'
  docker compose exec -T "$primary" backup-run.sh full </dev/null
  say "Moments before now are in the repository of the key before: BACKUP_KEY=$(($(grep -c . "$file") - 1)) make restore"
  say "Keep a copy of $file away from this host: without it the backups are lost."
}

rotate() {
  case $name in
    postgres_password) rotate_role postgres ;;
    db_owner_password) rotate_role sv_owner ;;
    db_app_password) rotate_role sv_app ;;
    db_replication_password) rotate_role sv_replicator ;;
    db_pgbouncer_password) rotate_role sv_pgbouncer ;;
    db_monitor_password) rotate_role sv_monitor ;;
    pgbouncer_console_password) rotate_console ;;
    redis_password | redis_queue_password) rotate_redis ;;
    better_auth_secret | encryption_key | brevo_webhook_token) rotate_ring ;;
    backup_encryption_key) rotate_backup_key ;;
    backup_s3_secret | backup_s3_ca)
      put_secret <"$next_file"
      # shellcheck disable=SC2046
      in_each reread-secrets.sh $(postgres_services)
      ;;
    # Alertmanager reads them whenever it sends.
    alert_slack_url | alert_pagerduty_key | alert_webhook_url) put_secret <"$next_file" ;;
    admin_password)
      next "$(setting SV_ADMIN_EMAIL admin@example.com) gets the new password, and is signed out everywhere"
      run_once sdk auth set-password "$(setting SV_ADMIN_EMAIL admin@example.com)" --password-stdin <"$next_file"
      put_secret <"$next_file"
      ;;
    grafana_admin_password)
      [ -n "$(running grafana)" ] || die 'Refused: Grafana does not run, and keeps its own password. Nothing was changed.'
      docker exec -i "$(running grafana | first)" grafana cli admin reset-admin-password --password-from-stdin <"$next_file" >/dev/null
      put_secret <"$next_file"
      ;;
    load_api_key)
      put_secret <"$next_file"
      next 'Migrate, which replaces the key'
      run_migrate
      ;;
    # It looks whether there is one only at its start.
    acme_ca)
      put_secret <"$next_file"
      restart acme
      ;;
    smtp_password)
      put_secret <"$next_file"
      roll_processes 'they sign in with the new password'
      restart alertmanager
      ;;
    # Of a mail provider, or the CA of a server elsewhere.
    *)
      put_secret <"$next_file"
      roll_processes 'they use the new one'
      ;;
  esac
}

check_name
check_input
printf 'Nothing changed yet:\n'
next 'See what runs'
look_at_what_runs
[ -n "$from" ] || die 'Refused: no app runs. Nothing was changed. Start the stack: make up.'
to=$from
export PLATFORM_VERSION=$from
: >"$ROLL_LOG"
say "$apps apps and $workers workers of $from"
check_connections

printf 'From here on it changes things:\n'
if [ "${FORGET-}" = 1 ]; then
  forget_old_keys
else
  prepare_values
  rotate
  finish
fi
