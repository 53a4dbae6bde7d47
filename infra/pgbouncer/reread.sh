#!/bin/sh
# Has PgBouncer read its servers again, and says whether they changed. Connections to what changed end with the
# transaction that they are in.
set -eu
# Two may be at work: a failover, and follow-nodes.sh.
new=$(mktemp /tmp/databases.XXXXXX)
trap 'rm -f "$new"' EXIT
databases.sh >"$new"
if cmp -s "$new" /tmp/databases.ini; then said=unchanged; else said=changed; fi
mv "$new" /tmp/databases.ini
# The first process passes signals on, or is PgBouncer itself.
kill -HUP 1
echo $said
