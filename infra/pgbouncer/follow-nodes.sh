#!/bin/sh
# Beside PgBouncer: what changes without a failover of ours. A node that is made anew has another address, perhaps the one
# that another node had; a standby is promoted by hand.
set -eu
look_seconds=1
new=/tmp/databases.followed

while sleep $look_seconds; do
  # Before it listens a signal would end it.
  healthcheck.sh || continue
  # A topology that names nobody is told of, and changes nothing.
  databases.sh >$new || continue
  cmp -s $new /tmp/databases.ini && continue
  reread.sh >/dev/null && echo "follow-nodes: the servers changed: $(grep '^sv' $new | xargs)"
done
