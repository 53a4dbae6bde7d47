#!/bin/sh
# Writes pgbouncer.ini and userlist.txt from the environment and the secrets, then runs PgBouncer.
set -eu
umask 077
secrets=${SECRETS_PATH:-/run/secrets}
for name in db_pgbouncer_password db_monitor_password pgbouncer_console_password; do
  [ -s "$secrets/$name" ] || { echo "secret $name is missing or empty; \`make up\` makes it" >&2; exit 1; }
done
# A file of its own, written anew by a failover, or when a node has another address.
databases.sh >/tmp/databases.ini

if [ -n "${DATABASE_DIRECT_URL-}" ]; then
  # A server elsewhere, where nobody may read pg_authid: the passwords stand here instead of an auth_query.
  [ -s "$secrets/db_app_password" ] || { echo "secret db_app_password is missing or empty; \`make up\` makes it" >&2; exit 1; }
  auth_query=''
  tls=''
  case $DATABASE_DIRECT_URL in
    *sslmode=verify-full*)
      ca=$secrets/database_ca
      [ -s "$ca" ] || ca=/etc/ssl/certs/ca-certificates.crt
      tls="server_tls_sslmode = verify-full
server_tls_ca_file = $ca"
      ;;
  esac
else
  # All other roles are looked up in Postgres.
  auth_query="auth_user = sv_pgbouncer
auth_dbname = sv
auth_query = select username, password from pgbouncer.get_auth(\$1)"
  tls=''
fi

# What a person has chosen, else what `make up` has computed (docs/operations/connections.md).
pool_size=${POOL_SIZE:-${PLANNED_PGBOUNCER_POOL_SIZE:-20}}
# Of sv_pgbouncer, which looks roles up. Counted in the plan (packages/config/src/connection-plan.ts).
lookups=2

users.sh >/tmp/userlist.txt

cat >/tmp/pgbouncer.ini <<INI
%include /tmp/databases.ini

[pgbouncer]
listen_addr = *
listen_port = 6432
unix_socket_dir =
pidfile =
auth_type = scram-sha-256
auth_file = /tmp/userlist.txt
$auth_query
$tls
stats_users = sv_monitor
admin_users = sv_console

pool_mode = transaction
default_pool_size = $pool_size
min_pool_size = 0
reserve_pool_size = 0
# Of all roles together. The look-ups have theirs beside it: else a client could not sign in while all others are busy.
max_db_connections = $((pool_size + lookups))
max_client_conn = ${MAX_CLIENT_CONN:-${PLANNED_PGBOUNCER_MAX_CLIENT_CONN:-2000}}
# Named prepared statements (drizzle's) are followed from client to server; 0 would break them.
max_prepared_statements = 200

# After a restart of the database the next login is tried within a second, not after the default 15: service is to be
# back 3 s after Postgres, and the apps' readiness takes up to 2 of them.
server_login_retry = 1
server_connect_timeout = 5
server_idle_timeout = 300
server_lifetime = 3600
# A failover changes an address: no answer of DNS is older than this.
dns_max_ttl = 5
dns_nxdomain_ttl = 2
# A client that waits longer for a server gets an error, which the app turns into a 503.
query_wait_timeout = 10
idle_transaction_timeout = 30
client_login_timeout = 15
# The exporter's driver sends it.
ignore_startup_parameters = extra_float_digits
# A client that was cut off in the middle of a transaction holds its locks, which whoever is asked again waits for (5 s at
# the most): it is noticed within 5 s, by what it doesn't acknowledge or, where nothing is under way, by keepalives.
tcp_user_timeout = 4000
tcp_keepalive = 1
tcp_keepidle = 2
tcp_keepintvl = 1
tcp_keepcnt = 2
log_connections = 0
log_disconnections = 0
log_stats = 0

[users]
sv_pgbouncer = max_user_connections=$lookups
INI

[ -n "${DATABASE_DIRECT_URL-}" ] || follow-nodes.sh &
exec pgbouncer /tmp/pgbouncer.ini
