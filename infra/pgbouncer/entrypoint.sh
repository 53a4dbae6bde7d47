#!/bin/sh
# Writes pgbouncer.ini and userlist.txt from the environment and the secrets, then runs PgBouncer.
set -eu
umask 077
secrets=${SECRETS_PATH:-/run/secrets}
for name in db_pgbouncer_password db_monitor_password; do
  [ -s "$secrets/$name" ] || { echo "secret $name is missing or empty; \`make up\` makes it" >&2; exit 1; }
done
: "${PRIMARY_HOST:?}"

# All other roles are looked up in Postgres (auth_query). The console is not a database that could be asked,
# so who may use it stands here: the exporter.
cat >/tmp/userlist.txt <<INI
"sv_pgbouncer" "$(cat "$secrets/db_pgbouncer_password")"
"sv_monitor" "$(cat "$secrets/db_monitor_password")"
INI

cat >/tmp/pgbouncer.ini <<INI
[databases]
sv = host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} dbname=sv
sv_ro = host=${REPLICA_HOST:-$PRIMARY_HOST} port=${REPLICA_PORT:-5432} dbname=sv
${EXTRA_DATABASES:+$EXTRA_DATABASES = host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432}}

[pgbouncer]
listen_addr = *
listen_port = 6432
unix_socket_dir =
pidfile =
auth_type = scram-sha-256
auth_file = /tmp/userlist.txt
auth_user = sv_pgbouncer
auth_dbname = sv
auth_query = select username, password from pgbouncer.get_auth(\$1)
stats_users = sv_monitor
admin_users =

pool_mode = transaction
default_pool_size = ${POOL_SIZE:-20}
min_pool_size = 0
reserve_pool_size = 0
max_db_connections = ${POOL_SIZE:-20}
max_client_conn = ${MAX_CLIENT_CONN:-2000}
# Named prepared statements (drizzle's) are followed from client to server; 0 would break them.
max_prepared_statements = 200

# After a restart of the database the next login is tried at once, not after the default 15 s.
server_login_retry = 2
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
tcp_keepalive = 1
tcp_keepidle = 20
tcp_keepintvl = 10
tcp_keepcnt = 2
log_connections = 0
log_disconnections = 0
log_stats = 0
INI

exec pgbouncer /tmp/pgbouncer.ini
