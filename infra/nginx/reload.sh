#!/bin/sh
# Has nginx take over its configuration as it stands now, without an interruption: old workers finish what they have.
# `reload.sh check` only looks whether it could. Says what it found; a faulty one changes nothing, and is an error.
set -eu
entrypoint.sh render >/tmp/nginx.conf.new
if ! output=$(nginx -t -c /tmp/nginx.conf.new -e stderr 2>&1); then
  printf '%s\n' "$output" >&2
  exit 1
fi
if cmp -s /tmp/nginx.conf /tmp/nginx.conf.new; then
  echo 'its configuration has not changed'
elif [ "${1:-}" = check ]; then
  echo 'its configuration has changed, and is sound'
else
  mv /tmp/nginx.conf.new /tmp/nginx.conf
  nginx -s reload -c /tmp/nginx.conf -e stderr
  echo 'reloaded, as its configuration has changed'
fi
rm -f /tmp/nginx.conf.new
