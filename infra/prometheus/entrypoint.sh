#!/bin/sh
# Writes down whom to scrape, as far as the settings decide it, and takes the rules about what is in this stack; then
# becomes Prometheus. A server elsewhere keeps the name of the bundled one, so that rules and dashboards hold for both.
# Blank: the server is bundled. DATABASE_URL leaves PgBouncer out; a primary elsewhere has a replica only if one is named.
set -eu
targets=/tmp/targets rules=/tmp/rules
rm -rf "$targets" "$rules"
mkdir -p "$targets" "$rules"

# target FILE ADDRESS LABELS
target() { printf -- '- targets: ["%s"]\n  labels: { %s }\n' "$2" "$3" >>"$targets/$1.yml"; }

# As the exporter knows it (infra/exporters/redis-entrypoint.sh): without the number of a database.
# redis_address URL BUNDLED
redis_address() {
  address=${1:-redis://$2:6379}
  scheme=${address%%://*}
  address=${address#*://}
  printf '%s://%s' "$scheme" "${address%%[/?]*}"
}

target postgres postgres-exporter:9187 'instance: postgres'
if [ -z "${DATABASE_URL-}${DATABASE_DIRECT_URL-}" ] || [ -n "${DATABASE_REPLICA_URL-}" ]; then
  target postgres postgres-replica-exporter:9187 'instance: postgres-replica'
  cp /etc/prometheus/optional-rules/replica.yml "$rules/"
fi
if [ -z "${DATABASE_URL-}" ]; then
  target pgbouncer pgbouncer-exporter:9127 'instance: pgbouncer'
  cp /etc/prometheus/optional-rules/pgbouncer.yml "$rules/"
fi
# One server. The nodes of a cluster are the business of scale/redis-cluster.yml, or of who provides it elsewhere.
# redis URL BUNDLED ROLE
redis() {
  case $1 in *-cluster://*) return 0 ;; esac
  target redis "$(redis_address "$1" "$2")" "instance: $2, role: $3"
  cp "/etc/prometheus/optional-rules/redis-$3.yml" "$rules/"
}
redis "${REDIS_URL-}" redis cache
redis "${REDIS_QUEUE_URL-}" redis-queue queue

# The world reaches its pages under a path of DOMAIN, where OPERATORS_PAGES says so, and nginx cuts that off; others ask it
# without.
url=${LOCAL_URL:-http://localhost:9090}
[ "${OPERATORS_PAGES:-off}" = off ] || url=https://$DOMAIN/admin/prometheus
exec /bin/prometheus "$@" --web.external-url="$url" --web.route-prefix=/
