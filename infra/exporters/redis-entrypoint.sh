#!/bin/sh
# Writes the passwords of all Redis servers as the JSON map that the exporter reads, then becomes the exporter.
# REDIS_URL and REDIS_QUEUE_URL are blank for the bundled servers; one that is elsewhere may have no password.
set -eu
umask 077
secrets=${SECRETS_PATH:-/run/secrets}
fail() { echo "redis-exporter: $1" >&2; exit 64; }

# password_of SECRET URL
password_of() {
  [ -s "$secrets/$1" ] || [ -n "$2" ] || fail "secret $1 is missing or empty; \`make up\` makes it"
  case "$(cat "$secrets/$1")" in *\"* | *\\*) fail "secret $1 holds a quote or a backslash" ;; esac
  cat "$secrets/$1"
}

# As Prometheus names it (infra/prometheus/entrypoint.sh): without the number of a database.
# target_of URL BUNDLED
target_of() {
  target=${1:-redis://$2:6379}
  scheme=${target%%://*}
  target=${target#*://}
  printf '%s://%s' "$scheme" "${target%%[/?]*}"
}

cache=$(password_of redis_password "${REDIS_URL-}")
queue=$(password_of redis_queue_password "${REDIS_QUEUE_URL-}")
{
  printf '{"%s":"%s","%s":"%s"' "$(target_of "${REDIS_URL-}" redis)" "$cache" "$(target_of "${REDIS_QUEUE_URL-}" redis-queue)" "$queue"
  # The nodes of docker-compose.scale.yml, whether they run or not.
  for node in 1 2 3 4 5 6; do printf ',"redis://redis-cluster-%d:6379":"%s"' "$node" "$queue"; done
  printf '}\n'
} >/tmp/passwords.json

if [ -n "${REDIS_URL-}${REDIS_QUEUE_URL-}" ]; then
  # Managed services forbid CONFIG; what the alerts look at is in INFO.
  set -- -config-command=- "$@"
  [ ! -s "$secrets/redis_ca" ] || set -- "-tls-ca-cert-file=$secrets/redis_ca" "$@"
fi
# No server of its own: Prometheus names one with each scrape.
exec /redis_exporter -redis.addr= -redis.password-file=/tmp/passwords.json -connection-timeout=5s -log-level=WARN "$@"
