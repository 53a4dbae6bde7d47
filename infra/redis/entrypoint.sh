#!/bin/sh
# Writes redis.conf for the role, then runs Redis. Cache and queue are two servers, because one can't be both: a cache
# must evict, and BullMQ loses jobs on a server that does. A node of a cluster serves both and evicts nothing (ADR 0028).
set -eu
umask 077
: "${PASSWORD_FILE:?}" "${MAXMEMORY:?}"
for file in "$PASSWORD_FILE" ${QUEUE_PASSWORD_FILE:+"$QUEUE_PASSWORD_FILE"}; do
  [ -s "$file" ] || { echo "the secret $file is missing or empty; \`make up\` makes it" >&2; exit 1; }
done
password=$(cat "$PASSWORD_FILE")
authentication="requirepass $password"
cluster=''

case ${REDIS_ROLE:-} in
  cache)
    policy=${MAXMEMORY_POLICY:-allkeys-lru}
    persistence='appendonly no'
    ;;
  queue | cluster)
    policy=${MAXMEMORY_POLICY:-noeviction}
    # At most a second of jobs is lost with the machine's power; Postgres has them all.
    persistence='appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 64mb'
    ;;
  *) echo "REDIS_ROLE must be cache, queue or cluster, not \"${REDIS_ROLE:-}\"" >&2; exit 1 ;;
esac

if [ "$REDIS_ROLE" = cluster ]; then
  : "${CLUSTER_NODES:?the names of all nodes, separated by spaces}"
  # The cache's secret opens it and the queue's does, so that neither has to be changed for it.
  authentication="user default on ~* &* +@all >$password${QUEUE_PASSWORD_FILE:+ >$(cat "$QUEUE_PASSWORD_FILE")}
masterauth $password"
  # A replica that was without its primary for longer than the timeout and a second is never promoted: it could bring
  # back a permission whose removal it missed. Without a majority a node serves nobody, invalidations included. Slots
  # whose nodes are all gone are missed; the others are served.
  cluster="cluster-enabled yes
cluster-config-file /data/nodes.conf
cluster-node-timeout ${CLUSTER_NODE_TIMEOUT_MS:-5000}
cluster-replica-validity-factor 1
repl-ping-replica-period 1
cluster-allow-pubsubshard-when-down no
cluster-require-full-coverage no
cluster-allow-replica-migration no
repl-backlog-size 16mb
${CLUSTER_HOSTNAME:+cluster-announce-hostname $CLUSTER_HOSTNAME
cluster-preferred-endpoint-type hostname}"
  cluster-join.sh &
fi

cat >/tmp/redis.conf <<CONF
bind * -::*
port 6379
protected-mode yes
$authentication
dir /data
save ""
$persistence
$cluster
maxmemory $MAXMEMORY
maxmemory-policy $policy
maxmemory-samples 10
maxclients 2000
tcp-keepalive 60
timeout 0
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-user-flush yes
latency-monitor-threshold 50
slowlog-log-slower-than 10000
CONF

exec redis-server /tmp/redis.conf
