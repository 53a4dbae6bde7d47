#!/bin/sh
# Makes a cluster of the nodes in CLUSTER_NODES, the first half of them primaries, and waits until it serves. Runs at
# every start and ends; what is there already is left as it is, an interrupted run is gone on with, and a node that has
# lost its volume becomes a replica of the primary that has the fewest. REPLICAS=0: all are primaries.
set -eu
: "${PASSWORD_FILE:?}" "${CLUSTER_NODES:?the names of all nodes, separated by spaces}"
REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
export REDISCLI_AUTH
SLOTS=16384
WAIT_SECONDS=${WAIT_SECONDS:-90}
# shellcheck disable=SC2086 # a list
set -- $CLUSTER_NODES
first=$1
nodes=$#
primaries=$((nodes / (1 + ${REPLICAS:-1})))
[ "$primaries" -ge 3 ] || { echo "cluster-init: $nodes nodes give $primaries primaries; a cluster needs 3" >&2; exit 1; }

cli() { node=$1; shift; redis-cli --no-auth-warning -h "$node" "$@"; }
# info NODE FIELD
info() { cli "$1" cluster info | tr -d '\r' | sed -n "s/^$2://p"; }

# Asks once a second until the answer is yes: until WHAT COMMAND…
until_true() {
  what=$1 left=$WAIT_SECONDS
  shift
  until "$@"; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
      echo "cluster-init: waited $WAIT_SECONDS s for $what" >&2
      for one in $CLUSTER_NODES; do cli "$one" cluster nodes >&2 || true; done
      exit 1
    fi
    sleep 1
  done
}

all() { for one in $CLUSTER_NODES; do "$@" "$one" || return 1; done; }
answers() { [ "$(cli "$1" ping 2>/dev/null)" = PONG ]; }
address_of() { getent ahostsv4 "$1" | awk 'NR == 1 { print $1 }'; }
# Each of the others has shaken hands, and is where the name says.
knows_all() {
  for other in $CLUSTER_NODES; do
    address=$(address_of "$other")
    cli "$1" cluster nodes | awk -v address="$address:6379@" \
      'index($2, address) == 1 && $3 !~ /handshake|noaddr/ && ($8 == "connected" || $3 ~ /myself/) { found = 1 } END { exit !found }' ||
      return 1
  done
}
# A node without any slot that is nobody's replica.
is_idle() { cli "$1" cluster nodes | awk '$3 ~ /myself/ && $3 ~ /master/ && NF == 8 { found = 1 } END { exit !found }'; }
serves() { [ "$(info "$1" cluster_state)" = ok ] && [ "$(info "$1" cluster_slots_ok)" = "$SLOTS" ]; }
is_replicated() {
  replication=$(cli "$1" info replication | tr -d '\r')
  case $replication in *role:slave*) case $replication in *master_link_status:up*) ;; *) return 1 ;; esac ;; esac
}

until_true 'all nodes to answer' all answers
# Who knows one that knows the others will know them. cluster-join.sh does the same for nodes that move later.
for node in $CLUSTER_NODES; do cli "$first" cluster meet "$(address_of "$node")" 6379 >/dev/null; done
until_true 'all nodes to meet' all knows_all
# Gossip brings the slots a moment after the names.
sleep 1
if [ "$(info "$first" cluster_slots_assigned)" != "$SLOTS" ]; then
  index=0
  for node in $CLUSTER_NODES; do
    [ "$index" -lt "$primaries" ] || break
    from=$((index * SLOTS / primaries))
    index=$((index + 1))
    said=$(cli "$node" cluster addslotsrange "$from" "$((index * SLOTS / primaries - 1))" 2>&1) || true
    case $said in OK | *"already busy"*) ;; *) echo "cluster-init: $node took no slots: $said" >&2; exit 1 ;; esac
  done
  has_slots() { [ "$(info "$1" cluster_slots_assigned)" = "$SLOTS" ]; }
  until_true 'all nodes to know the slots' all has_slots
fi
for node in $CLUSTER_NODES; do
  is_idle "$node" || continue
  # Primaries are those with slots, which stand from the ninth field on.
  primary=$(cli "$first" cluster nodes | awk '
    $3 ~ /master/ && NF > 8 { replicas[$1] += 0 }
    $3 ~ /slave/ { replicas[$4] += 1; }
    $3 ~ /master/ && NF > 8 { isPrimary[$1] = 1 }
    END { for (id in isPrimary) print replicas[id], id }' | sort -n | awk 'NR == 1 { print $2 }')
  said=$(cli "$node" cluster replicate "$primary" 2>&1) || true
  [ "$said" = OK ] || { echo "cluster-init: $node could not become a replica: $said" >&2; exit 1; }
  # The next one counts this one.
  has_replica() { cli "$first" cluster nodes | awk -v id="$(cli "$node" cluster myid)" '$1 == id && $3 ~ /slave/ { found = 1 } END { exit !found }'; }
  until_true "$first to know the replica $node" has_replica
done
until_true 'the cluster to serve all slots' all serves
until_true 'the replicas to have their data' all is_replicated
echo "The cluster serves $SLOTS slots on $primaries primaries, $nodes nodes in all."
