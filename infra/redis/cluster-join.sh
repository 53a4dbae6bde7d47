#!/bin/sh
# Beside each node of a cluster: makes it known to the others under its address of today. Nodes remember each other by
# address, and containers get new ones: after a start of all at once nobody would find anybody.
set -eu
REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
export REDISCLI_AUTH
cli() { redis-cli --no-auth-warning -h 127.0.0.1 "$@"; }

while sleep 2; do
  known=$(cli cluster nodes 2>/dev/null) || continue
  for node in $CLUSTER_NODES; do
    # A container that is down has no address.
    address=$(getent ahostsv4 "$node" | awk 'NR == 1 { print $1 }') || continue
    [ -n "$address" ] || continue
    # The second field begins with the address; the eighth says whether it answers there.
    printf '%s\n' "$known" | awk -v address="$address:6379@" \
      'index($2, address) == 1 && ($8 == "connected" || $3 ~ /myself/) { found = 1 } END { exit !found }' ||
      cli cluster meet "$address" 6379 >/dev/null || true
  done
done
