#!/bin/sh
# Prints the section [databases]: sv leads to the primary, sv_ro (and sv_ro_2, …) to the other nodes. Who is the primary
# stands in /topology, written by the node that was promoted; before any failover it is the first of POSTGRES_NODES.
# Without POSTGRES_NODES, PRIMARY_HOST and REPLICA_HOST say it.
# Nodes stand there by their addresses: a connection to an address that is another node's now would be kept for an hour
# (server_lifetime), since PgBouncer asks DNS for new ones only. follow-nodes.sh writes them anew.
set -eu

# host, port and database of postgres://[user@]host[:port]/database[?parameters], as PgBouncer writes them
server_of() {
  server=${1#*://}
  server=${server#*@}
  server=${server%%\?*}
  address=${server%%/*}
  case $address in *:*) port=${address##*:} ;; *) port=5432 ;; esac
  printf 'host=%s port=%s dbname=%s' "${address%%:*}" "$port" "${server#*/}"
}

# A name without an address (its container is stopped) stays a name: the connection fails, as it should.
address_of() {
  found=$(getent ahostsv4 "$1") || found=$1
  printf '%s' "${found%% *}"
}

# A server elsewhere has its own way of failing over, and its certificate may need the name.
if [ -n "${DATABASE_DIRECT_URL-}" ]; then
  echo '[databases]'
  echo "sv = $(server_of "$DATABASE_DIRECT_URL")"
  # Without a replica nobody asks for sv_ro.
  echo "sv_ro = $(server_of "${DATABASE_REPLICA_DIRECT_URL:-$DATABASE_DIRECT_URL}")"
  exit 0
fi

topology=${TOPOLOGY_PATH:-/topology}
nodes=${POSTGRES_NODES:-${PRIMARY_HOST:?POSTGRES_NODES or PRIMARY_HOST is missing} ${REPLICA_HOST:-$PRIMARY_HOST}}
primary=${nodes%% *}
[ -z "${POSTGRES_NODES-}" ] || [ ! -s "$topology/primary" ] || primary=$(cat "$topology/primary")
case " $nodes " in
  *" $primary "*) ;;
  *) echo "$topology/primary names $primary, which is none of the nodes ($nodes)" >&2; exit 1 ;;
esac

# A database, and the node that it leads to.
entry() {
  echo "; $2"
  echo "$1 = host=$(address_of "$2") port=$3"
}

echo '[databases]'
entry sv "$primary" "${PRIMARY_PORT:-5432} dbname=sv"
# The first of the list is not the primary's name again, unless there is no other.
others=$(for node in $nodes; do [ "$node" = "$primary" ] || echo "$node"; done)
number=1
for node in ${others:-$primary}; do
  if [ $number -eq 1 ]; then name=sv_ro; else name=sv_ro_$number; fi
  entry $name "$node" "${REPLICA_PORT:-5432} dbname=sv"
  number=$((number + 1))
done
[ -z "${EXTRA_DATABASES-}" ] || entry "$EXTRA_DATABASES" "$primary" "${PRIMARY_PORT:-5432}"
