# shellcheck shell=bash
# Sourced by settings.sh and rotate.sh: the secrets that are made here, and how. docs/operations/secrets.md has what each does.

# shellcheck disable=SC2034 # for settings.sh
SECRETS='postgres_password db_owner_password db_app_password db_replication_password db_pgbouncer_password
db_monitor_password pgbouncer_console_password redis_password redis_queue_password better_auth_secret encryption_key
backup_encryption_key admin_password grafana_admin_password load_api_key'

random_hex() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Four groups of six, without letters and digits that look alike: 139 bits.
random_readable() {
  head -c 2048 /dev/urandom | LC_ALL=C tr -dc 'a-km-np-zA-HJ-NP-Z2-9' | cut -c1-24 | sed 's/\(......\)\(......\)\(......\)/\1-\2-\3-/' | tr -d '\n'
}

# A new value on stdout: new_secret NAME
new_secret() {
  case "$1" in
    admin_password | grafana_admin_password) random_readable ;;
    load_api_key) printf 'sv_%s' "$(random_hex)" ;;
    *) random_hex ;;
  esac
}
