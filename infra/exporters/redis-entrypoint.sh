#!/bin/sh
# Writes the passwords of both Redis servers as the JSON map that the exporter reads, then becomes the exporter.
set -eu
umask 077
secrets=${SECRETS_PATH:-/run/secrets}
fail() { echo "redis-exporter: $1" >&2; exit 64; }

password_of() {
  [ -s "$secrets/$1" ] || fail "secret $1 is missing or empty; \`make up\` makes it"
  case "$(cat "$secrets/$1")" in *\"* | *\\*) fail "secret $1 holds a quote or a backslash" ;; esac
  cat "$secrets/$1"
}

cache=$(password_of redis_password)
queue=$(password_of redis_queue_password)
printf '{"redis://redis:6379":"%s","redis://redis-queue:6379":"%s"}\n' "$cache" "$queue" >/tmp/passwords.json

# No server of its own: Prometheus names one with each scrape.
exec /redis_exporter -redis.addr= -redis.password-file=/tmp/passwords.json -connection-timeout=5s -log-level=WARN "$@"
