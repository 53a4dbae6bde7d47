#!/usr/bin/env bash
# `make rejoin`: what a failover has fenced becomes a standby of the primary: by pg_rewind, or by a new copy where that is
# impossible. Interrupted at any point, the node goes on by itself, and this can be run again.
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=infra/host/database.sh
. "$HOST_DIR/database.sh"

FORCE=${FORCE-}
# A node that shows no new state for so long is told of; a copy of much data takes longer, and goes on.
PATIENCE_SECONDS=${PATIENCE_SECONDS:-600}
number=0

next() {
  number=$((number + 1))
  step "$number. $*"
}

# What the node has logged about itself, since the last look.
follow() {
  docker logs --since "$since" "$1" 2>&1 | sed -n "s/^[^ ]* $2: /   $2: /p" | tail -n "+$((told + 1))"
}

next 'Look at the nodes'
look_at_nodes
[ -n "$nodes" ] || die 'Refused: no node of the database is here. Start the stack first: make up.'
# A node that doesn't run finds out for itself what it may be.
for node in $(nodes_that_are stopped fenced); do
  id=$(of_node "$node" 2)
  [ "$(docker inspect --format '{{.State.Running}}' "$id")" = true ] || { say "Starting $node"; docker start "$id" >/dev/null; }
done
waited=0
while look_at_nodes && [ -n "$(nodes_that_are silent)" ] && [ "$waited" -lt 30 ]; do
  sleep 1
  waited=$((waited + 1))
done
show_nodes
primary=$(nodes_that_are primary)
case "$(echo "$primary" | wc -w | tr -d ' ')" in
  1) ;;
  0) die 'Refused: no node is the primary. make failover first.' ;;
  *) die "Refused: there are two primaries ($(echo "$primary" | xargs)). make failover says what to do about that." ;;
esac
returning=$(nodes_that_are fenced preparing)
if [ -z "$returning" ]; then
  say "Nothing to do: no node waits for it"
  exit 0
fi

for node in $returning; do
  id=$(of_node "$node" 2)
  since=$(date -u +%Y-%m-%dT%H:%M:%SZ) told=0
  if [ "$(of_node "$node" 3)" = fenced ]; then
    next "See what only $node has"
    unsent=$(unsent_of "$id" fork)
    say "$(describe_unsent "$node" "$unsent")"
    case "$unsent" in
      '0 -' | unacknowledged*) ;;
      *) [ "$FORCE" = 1 ] || die "Refused: $node would throw that away. Nothing was changed. FORCE=1 make rejoin does it nevertheless." ;;
    esac
    next "Make $node a standby of $primary"
    # pg_rewind reads there which way the primary went.
    docker exec "$(of_node "$primary" 2)" checkpoint.sh
    docker exec "$id" unfence.sh rejoin
  else
    next "Wait for $node, which is on its way"
  fi
  waited=0
  until look_at_nodes && [ "$(of_node "$node" 7)" = streaming ]; do
    lines=$(follow "$id" "$node")
    if [ -n "$lines" ]; then
      printf '%s\n' "$lines"
      told=$((told + $(printf '%s\n' "$lines" | wc -l))) waited=0
    fi
    [ "$(of_node "$node" 3)" != fenced ] || die "$node was fenced again: $(docker logs --tail 3 "$id" 2>&1)"
    [ "$waited" -lt "$PATIENCE_SECONDS" ] || die "$node does not stream yet. It goes on by itself; make logs SERVICE=$node."
    sleep 1
    waited=$((waited + 1))
  done
  follow "$id" "$node"
  say "$node streams from $primary"
done
printf '\n%sRejoined.%s\n' "$BOLD" "$PLAIN"
