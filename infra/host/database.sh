# shellcheck shell=bash
# Sourced by failover.sh, rejoin.sh and up.sh: the nodes of the database, asked and told through the engine. The
# containers are named by their ids: Compose takes half a second for what the engine does in a tenth, and writes wait.

# Where the image keeps what is said about a node, beside its data.
MARKS=/var/lib/postgresql/marks

# One line a node in $nodes: service, container, then what infra/postgres/status.sh says, or `stopped - - STATE`.
# A container that doesn't run may still be fenced.
look_at_nodes() {
  nodes=$(docker compose ps --all --format '{{.Service}} {{.ID}} {{.State}}' |
    awk '$1 ~ /^postgres(-replica(-[0-9]+)?)?$/' | sort |
    while read -r node id state; do
      if [ "$state" = running ]; then
        line=$(docker exec "$id" status.sh </dev/null 2>/dev/null) || line='silent - - -'
      elif line=$(docker cp "$id:$MARKS/fenced" - 2>/dev/null | tar -xO 2>/dev/null) && [ -n "$line" ]; then
        line="fenced - - $line"
      else
        line="stopped - - $state"
      fi
      echo "$node $id $line"
    done)
}

# Names of the nodes that are one of these: nodes_that_are standby fenced
nodes_that_are() {
  printf '%s\n' "$nodes" | awk -v wanted=" $* " 'index(wanted, " " $3 " ") { print $1 }'
}

# The same list without a node: without NODE
without() { awk -v node="$1" '$1 != node'; }

# A column of a node's line: 2 container, 3 what it is, 4 timeline, 5 position in bytes, 6 position; 7 whether it streams.
of_node() { printf '%s\n' "$nodes" | awk -v node="$1" -v column="$2" '$1 == node { print $column }'; }

show_nodes() {
  printf '%s\n' "$nodes" | awk '{
    words = $3
    if ($3 == "primary") words = "primary, at " $6
    if ($3 == "standby") words = "standby, at " $6 ($7 == "streaming" ? ", streams" : ", without a primary")
    if ($3 == "silent") words = "runs, and does not answer"
    if ($3 == "stopped") words = "does not run (" $6 ")"
    if ($3 == "fenced" || $3 == "preparing") { words = $3 ": "; for (i = 6; i <= NF; i++) words = words $i " " }
    printf "   %-20s %s\n", $1, words
  }'
}

# Whom a promoted node has named; before any failover, the first one.
known_primary() {
  local node name
  for node in $(nodes_that_are primary standby fenced preparing silent); do
    # A node that is fenced and stopped can't be asked.
    if name=$(docker exec "$(of_node "$node" 2)" cat /topology/primary 2>/dev/null); then
      printf '%s' "$name"
      return
    fi
  done
  printf postgres
}

# What only this node has, after a position, its server being stopped: a line of infra/postgres/unsent.sh.
unsent_of() {
  local id=$1
  shift
  docker exec "$id" unsent.sh "$@" 2>/dev/null ||
    docker run --rm --network none --volumes-from "$id" --entrypoint unsent.sh "$(docker inspect --format '{{.Config.Image}}' "$id")" "$@" ||
    echo 'unknown the volume can not be read'
}

# In words: describe_unsent NODE "COUNT TIME"
describe_unsent() {
  case "$2" in
    '0 -') echo "nothing: no transaction that was committed on $1 is missing" ;;
    unacknowledged*) echo "nothing that anybody was told of: the transactions in question on $1 ($(echo "$2" | awk '{ print $2 }')) still waited for a standby" ;;
    unknown*) echo "unknown: ${2#unknown }" ;;
    *) echo "${2%% *} transactions that were committed on $1, the last at ${2#* } UTC" ;;
  esac
}

pgbouncer_container() { docker compose ps --quiet --status running pgbouncer; }
