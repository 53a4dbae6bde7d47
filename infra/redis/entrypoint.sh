#!/bin/sh
# Writes redis.conf for the role, then runs Redis. Two servers, because one can't be both: a cache must evict, and
# BullMQ loses jobs on a server that does.
set -eu
umask 077
: "${PASSWORD_FILE:?}" "${MAXMEMORY:?}"
[ -s "$PASSWORD_FILE" ] || { echo "the secret $PASSWORD_FILE is missing or empty; \`make up\` makes it" >&2; exit 1; }

case ${REDIS_ROLE:-} in
  cache)
    policy=${MAXMEMORY_POLICY:-allkeys-lru}
    persistence='appendonly no'
    ;;
  queue)
    policy=${MAXMEMORY_POLICY:-noeviction}
    # At most a second of jobs is lost with the machine's power; Postgres has them all.
    persistence='appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 64mb'
    ;;
  *) echo "REDIS_ROLE must be cache or queue, not \"${REDIS_ROLE:-}\"" >&2; exit 1 ;;
esac

cat >/tmp/redis.conf <<CONF
bind * -::*
port 6379
protected-mode yes
requirepass $(cat "$PASSWORD_FILE")
dir /data
save ""
$persistence
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
